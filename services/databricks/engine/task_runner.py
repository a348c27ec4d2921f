"""One attempt at a task: its folder, its process in the Spark environment, and its result.

The folder contains ``task.json`` (the task), ``log``, ``outcome.json`` (the runner's report) and
``cells.jsonl`` (the cells of a notebook with their output).
"""

import asyncio
import contextlib
import json
import shlex
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from contract.settings import Settings
from services.databricks.engine import process
from services.databricks.engine.environment import environment
from services.databricks.engine.jvms import Jvm, JvmError, Jvms
from services.databricks.engine.log import BoundedLog
from services.databricks.engine.states import Result

OUTCOME_BYTES = 8_388_608
"""Maximum number of bytes read from an outcome; the runner writes less."""
TRACE_BYTES = 10_000
"""Bytes of the log that replace the trace of a process that ended without an outcome."""
FAILED = "Workload failed, see run output for details"
"""Databricks' message for a failed task."""
DRAIN_SECONDS = 5.0
"""Seconds to wait for the rest of the output when all processes have ended."""


class TaskResult(msgspec.Struct):
    """The result of an attempt, mostly from the runner's report."""

    result: Result = Result.SUCCESS
    message: str = ""
    error: str | None = None
    trace: str | None = None
    notebook_result: str | None = None
    notebook_truncated: bool = False
    values: dict[str, str] = {}
    clean: bool = False
    """Whether the JVM may serve another task."""


class TaskRunner:
    """Runs attempts, each in its folder below ``root``."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings, self.root = settings, root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)
        self._command = shlex.split(settings.databricks_command)
        self.jvms = Jvms(settings, self._command, self.root / "jvms")

    def folder(self, run_id: int) -> Path:
        """Folder of an attempt."""
        return self.root / str(run_id)

    def log(self, run_id: int) -> BoundedLog:
        """Log of an attempt."""
        return BoundedLog(self.folder(run_id), self._settings.databricks_log_bytes)

    def forget(self, run_id: int) -> None:
        """Remove the files of an attempt."""
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    async def run(
        self, run_id: int, task: Mapping[str, Any], cluster: Mapping[str, Any], timeout: float
    ) -> TaskResult:
        """Run a task to its end; a cancellation ends its processes first."""
        folder, log = self.folder(run_id), self.log(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "task.json").write_text(json.dumps(task))
        environment = self._environment(cluster)
        deadline = asyncio.get_running_loop().time() + timeout if timeout else None
        outcome = None
        try:
            async with asyncio.timeout_at(deadline):
                jvm = await self.jvms.take(environment, log)
            try:
                status = await self._process(folder, log, environment, deadline, jvm)
                outcome = self._outcome(folder, status)
            finally:
                if jvm:
                    clean = outcome is not None and outcome.clean
                    await asyncio.shield(self.jvms.give_back(jvm, clean))
        except TimeoutError:
            return TaskResult(Result.TIMEDOUT, f"Run timed out after {timeout:g} seconds")
        except JvmError as error:
            return TaskResult(Result.FAILED, FAILED, str(error), log.last(TRACE_BYTES)[0])
        return outcome

    async def _process(
        self,
        folder: Path,
        log: BoundedLog,
        environment: dict[str, str],
        deadline: float | None,
        jvm: Jvm | None,
    ) -> int:
        """Run the process of a task; return its exit status when all its children have ended.

        Raises:
            TimeoutError: the process was still running at ``deadline``, a time of the loop.
        """
        gateway = jvm.gateway.environment if jvm else {}
        child = await asyncio.create_subprocess_exec(
            *self._command,
            "services.databricks.runner",
            str(folder),
            env=environment | gateway | {process.ENV: str(folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert child.stdout is not None
        output = asyncio.create_task(log.take(child.stdout))
        try:
            async with asyncio.timeout_at(deadline):
                await child.wait()
        finally:
            # The children of a task end with it, as on a cluster.
            if jvm and child.returncode != 0:
                jvm.terminate()
            await asyncio.shield(process.end(folder, 0 if child.returncode == 0 else process.GRACE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(output, DRAIN_SECONDS)
        return await child.wait()

    def _environment(self, cluster: Mapping[str, Any]) -> dict[str, str]:
        """Environment of a task: the service's without the token, with the cluster's settings."""
        found = environment(self._settings, cluster.get("spark_env_vars", {}))
        conf = cluster.get("spark_conf", {}).items()
        options = shlex.join(part for item in conf for part in ("--conf", "=".join(item)))
        found["SPARK_OPTIONS"] = f"{found.get('SPARK_OPTIONS', '')} {options}".strip()
        return found

    def _outcome(self, folder: Path, status: int) -> TaskResult:
        try:
            with (folder / "outcome.json").open("rb") as file:
                # msgspec's own decoder rejects lone surrogates, which a file's name may hold.
                outcome = msgspec.convert(json.loads(file.read(OUTCOME_BYTES)), TaskResult)
        except (OSError, ValueError, msgspec.MsgspecError):
            outcome = TaskResult()
        if status and not outcome.error:
            outcome.error = f"The task's process ended with exit code {status}"
            if status < 0:
                outcome.error = f"The task's process was ended by {signal.Signals(-status).name}"
            outcome.trace = self.log(int(folder.name)).last(TRACE_BYTES)[0]
        for name in ("error", "trace", "message", "notebook_result"):
            if text := getattr(outcome, name):
                setattr(outcome, name, text.encode(errors="replace").decode())
        if outcome.error:
            outcome.result, outcome.message = Result.FAILED, outcome.message or FAILED
            outcome.clean = False
        return outcome

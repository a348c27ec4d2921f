"""One attempt at a task: a folder, a process of the Spark environment, and what came of it.

The folder holds ``task.json`` (what to do), ``log``, ``outcome.json`` (what the runner reports) and
what a notebook has displayed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shlex
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contract.settings import Settings
from services.jobs_api import process
from services.jobs_api.log import BoundedLog
from services.jobs_api.states import Result

OUTCOME_BYTES = 8_388_608
"""Bytes of an outcome that is read; the runner writes less."""
DRAIN = 5.0
"""Seconds that output on its way is waited for when all processes have ended."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    result: Result
    message: str = ""
    error: str | None = None
    trace: str | None = None
    notebook_result: str | None = None
    notebook_truncated: bool = False
    values: dict[str, str] = field(default_factory=dict)


class Attempts:
    """Runs attempts, each in its folder below ``root``."""

    def __init__(self, settings: Settings, root: Path) -> None:
        self._settings, self.root = settings, root.resolve()
        self.root.mkdir(parents=True, exist_ok=True)

    def folder(self, run_id: int) -> Path:
        """Folder of an attempt."""
        return self.root / str(run_id)

    def log(self, run_id: int) -> BoundedLog:
        """Log of an attempt."""
        return BoundedLog(self.folder(run_id), self._settings.jobs_api_log_bytes)

    def forget(self, run_id: int) -> None:
        """Remove all that an attempt has left."""
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    async def run(
        self, run_id: int, task: Mapping[str, Any], cluster: Mapping[str, Any], timeout: float
    ) -> Outcome:
        """Run a task to its end; when cancelled, end its processes first."""
        folder = self.folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "task.json").write_text(json.dumps(task))
        child = await asyncio.create_subprocess_exec(
            *shlex.split(self._settings.jobs_api_command),
            "services.jobs_api.runner",
            str(folder),
            env=self._environment(folder, cluster),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert child.stdout is not None
        output = asyncio.create_task(self.log(run_id).take(child.stdout))
        timed_out = False
        try:
            async with asyncio.timeout(timeout or None):
                await child.wait()
        except TimeoutError:
            timed_out = True
        finally:
            # What the task has started ends with it, as a cluster does.
            await asyncio.shield(process.end(folder, 0 if child.returncode == 0 else process.GRACE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(output, DRAIN)
        status = await child.wait()
        if timed_out:
            return Outcome(Result.TIMEDOUT, f"Run timed out after {timeout:g} seconds")
        return self._outcome(folder, status)

    def _environment(self, folder: Path, cluster: Mapping[str, Any]) -> dict[str, str]:
        """Environment of a task: ours without the token, with what its cluster brings."""
        found = {**os.environ, **cluster.get("spark_env_vars", {})}
        for name in ("JOBS_API_TOKEN", "JOBS_API_TOKEN_FILE"):
            found.pop(name, None)
        if self._settings.jobs_api_path:
            path = Path(self._settings.jobs_api_path).resolve()
            found["PATH"] = f"{path}{os.pathsep}{found.get('PATH', os.defpath)}"
        conf = [
            part
            for name, value in cluster.get("spark_conf", {}).items()
            for part in ("--conf", f"{name}={value}")
        ]
        found["SPARK_OPTIONS"] = f"{found.get('SPARK_OPTIONS', '')} {shlex.join(conf)}".strip()
        return found | {process.MARK: str(folder)}

    def _outcome(self, folder: Path, status: int) -> Outcome:
        try:
            with (folder / "outcome.json").open("rb") as file:
                told = json.loads(file.read(OUTCOME_BYTES))
        except (OSError, ValueError):
            told = {}
        error, trace = told.get("error"), told.get("trace")
        if status and not error:
            error = f"The task's process ended with exit code {status}"
            if status < 0:
                error = f"The task's process was ended by {signal.Signals(-status).name}"
            trace = self.log(int(folder.name)).last(10_000)[0]
        return Outcome(
            result=Result.FAILED if error else Result.SUCCESS,
            message=told.get("message") or "Workload failed, see run output for details"
            if error
            else "",
            error=error,
            trace=trace,
            notebook_result=told.get("result"),
            notebook_truncated=bool(told.get("truncated")),
            values=told.get("values", {}),
        )

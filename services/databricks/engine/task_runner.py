"""One attempt at a task: its folder, its process in the Spark environment, and its result.

The folder contains ``task.json`` (the task), ``log``, ``outcome.json`` (the runner's report) and
``notebook.ipynb`` (a notebook with its outputs). What else a task has there, such as its libraries,
is removed at its end.
"""

import asyncio
import contextlib
import json
import shlex
import shutil
import socket
import tempfile
from collections.abc import Callable, Collection, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec

from contract.settings import Settings
from contract.values import runtime
from services.databricks.engine import process
from services.databricks.engine.clusters import Cluster, ClusterError, Clusters
from services.databricks.engine.log import BoundedLog
from services.databricks.engine.notebooks import FILE, Notebook
from services.databricks.engine.states import Result
from services.databricks.notebook import NotebookError
from services.databricks.workspace import Workspace

OUTCOME_BYTES = 8_388_608
"""Maximum number of bytes read from an outcome; the runner writes less."""
TRACE_BYTES = 10_000
"""Bytes of the log that replace the trace of a process that ended without an outcome."""
FAILED = "Workload failed, see run output for details"
"""Databricks' message for a failed task."""
CLUSTER_FD = "DATABRICKS_CLUSTER_FD"
"""Variable with the number of the socket on which a process asks for its cluster."""
RUNTIME = "spark.runtime"
"""Module with the functions that Databricks' runtime adds."""
SOCKETS = "kernels-"
"""Beginning of the name of the temporary folder of the kernels' sockets."""
KEPT = {"task.json", "log", "log.1", "outcome.json", FILE}
"""Files of an attempt that has ended; the size of each is bounded."""
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


def surroundings(workspace: Workspace, cluster: Cluster) -> dict[str, Any]:
    """What the ``task.json`` of every process of a cluster has."""
    return {
        "workspace": workspace.folders,
        "dbfs": str(workspace.dbfs),
        "runtime": RUNTIME,
        "runtime_major": runtime(cluster.spec.version),
    }


class Attachment:
    """A task's connection to its cluster: answers the requests of its process (``ClusterLink``)."""

    def __init__(
        self, name: str, log: BoundedLog, cluster: Cluster, on_streaming: Callable[[], None]
    ) -> None:
        self.name, self.cluster, self._on_streaming = name, cluster, on_streaming
        self.log = log
        self._reserved = False
        self._attached = asyncio.Event()
        self._ours, self.theirs = socket.socketpair()
        self._serving = asyncio.create_task(self._serve())

    def reserve(self) -> None:
        """Keep the cluster from ending until this is closed."""
        if not self._reserved:
            self._reserved = True
            self.cluster.reserved += 1

    async def lost(self) -> str:
        """Wait until the cluster of an attached process has ended; return the reason."""
        await self._attached.wait()
        return await asyncio.shield(self.cluster.attached[self.name].lost)

    async def close(self) -> None:
        """Detach the process, which has ended."""
        self._serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving
        self.cluster.reserved -= self._reserved
        if self.name in self.cluster.attached:
            await self.cluster.detach(self.name)
        self.cluster.rest()

    async def _serve(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._ours)
        try:
            async for request in reader:
                if request == b"streaming\n":
                    self._on_streaming()
                    continue
                self.reserve()
                try:
                    reply = await self.cluster.attach(self.name, self.log)
                    self._attached.set()
                except ClusterError as error:
                    reply = {"error": str(error)}
                writer.write(json.dumps(reply).encode() + b"\n")
        finally:
            writer.close()


class TaskRunner:
    """Runs attempts, each in its folder below ``root``."""

    def __init__(self, settings: Settings, root: Path, clusters: Clusters) -> None:
        self._settings, self.root, self.clusters = settings, root.resolve(), clusters
        self.root.mkdir(parents=True, exist_ok=True)
        self._command = shlex.split(settings.databricks_command)
        self._sockets_link = root.with_name("sockets")
        self.close()  # an earlier process of the service may have been killed
        # Not below the data: the path of a socket has at most about a hundred characters.
        self.sockets = Path(tempfile.mkdtemp(prefix=SOCKETS))
        """Folder of the sockets of kernels."""
        self._sockets_link.symlink_to(self.sockets)

    def close(self) -> None:
        """Remove the sockets."""
        with contextlib.suppress(FileNotFoundError):
            if (folder := self._sockets_link.readlink()).name.startswith(SOCKETS):
                shutil.rmtree(folder, ignore_errors=True)
            self._sockets_link.unlink()

    def folder(self, run_id: int) -> Path:
        """Folder of an attempt."""
        return self.root / str(run_id)

    def log(self, run_id: int) -> BoundedLog:
        """Log of an attempt."""
        return BoundedLog(self.folder(run_id), self._settings.databricks_log_bytes)

    def forget(self, run_id: int) -> None:
        """Remove the files of an attempt."""
        shutil.rmtree(self.folder(run_id), ignore_errors=True)

    def forget_others(self, attempts: Collection[int]) -> None:
        """Remove the files of all but these attempts, which an end of the service has left."""
        for folder in self.root.iterdir():
            if folder.name.isdecimal() and int(folder.name) not in attempts:
                self.forget(int(folder.name))

    async def run(
        self,
        run_id: int,
        task: Mapping[str, Any],
        cluster: Cluster,
        timeout: float,
        on_streaming: Callable[[], None],
    ) -> TaskResult:
        """Run a task to its end; a cancellation ends its processes first.

        Args:
            timeout: seconds until the task is stopped; 0 for no limit.
            on_streaming: is called when the task has started a streaming query.
        """
        folder = self.folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "task.json").write_text(json.dumps(task))
        deadline = asyncio.get_running_loop().time() + timeout if timeout else None
        attachment = Attachment(str(run_id), self.log(run_id), cluster, on_streaming)
        attachment.reserve()
        notebook = None
        try:
            if "notebook_task" in task:
                notebook = Notebook(
                    task["file"], task["notebook_task"]["notebook_path"], folder, self.sockets
                )
            status, lost = await self._process(folder, deadline, attachment, notebook)
        except TimeoutError:
            return TaskResult(Result.TIMEDOUT, f"Run timed out after {timeout:g} seconds")
        except NotebookError as error:
            return TaskResult(Result.FAILED, FAILED, f"NotebookError: {error}")
        finally:
            if notebook:
                notebook.close()
            await asyncio.shield(attachment.close())
            await asyncio.to_thread(_tidy, folder)
        return self._outcome(folder, status, lost)

    async def _process(
        self,
        folder: Path,
        deadline: float | None,
        attachment: Attachment,
        notebook: Notebook | None,
    ) -> tuple[int, str]:
        """Run the process of a task until all its children have ended.

        Returns:
            The exit status, and the reason if the task has lost its cluster.

        Raises:
            TimeoutError: the process was still running at ``deadline``, a time of the loop.
        """
        theirs = attachment.theirs.fileno()
        child = await asyncio.create_subprocess_exec(
            *self._command,
            *(notebook.command if notebook else ("services.databricks.runner", str(folder))),
            env=(notebook.environment if notebook else {})
            | self.clusters.environment(attachment.cluster.spec)
            | {process.ENV: str(folder), CLUSTER_FD: str(theirs)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            pass_fds=(theirs,),
        )
        attachment.theirs.close()
        assert child.stdout is not None
        output = asyncio.create_task(self.log(int(folder.name)).take(child.stdout))
        work: Coroutine[Any, Any, object] = notebook.run(child) if notebook else child.wait()
        ended = asyncio.create_task(work)
        lost = asyncio.create_task(attachment.lost())
        try:
            async with asyncio.timeout_at(deadline):
                await asyncio.wait((ended, lost), return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The children of a task end with it, as on a cluster.
            await asyncio.shield(process.end(folder, 0 if child.returncode == 0 else process.GRACE))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(output, DRAIN_SECONDS)
            await asyncio.wait((ended,), timeout=DRAIN_SECONDS)
            reason = lost.result() if lost.done() else ""
            lost.cancel()
        await ended
        return await child.wait(), reason

    def _outcome(self, folder: Path, status: int, lost: str) -> TaskResult:
        try:
            with (folder / "outcome.json").open("rb") as file:
                # msgspec's own decoder rejects lone surrogates, which a file's name may hold.
                outcome = msgspec.convert(json.loads(file.read(OUTCOME_BYTES)), TaskResult)
        except (OSError, ValueError, msgspec.MsgspecError):
            outcome = TaskResult()
        if lost and status:
            outcome.error = lost
        if status and not outcome.error:
            outcome.error = process.describe_exit("The task's process", status)
            outcome.trace = self.log(int(folder.name)).last(TRACE_BYTES)[0]
        for name in ("error", "trace", "message", "notebook_result"):
            if text := getattr(outcome, name):
                setattr(outcome, name, text.encode(errors="replace").decode())
        if outcome.error:
            outcome.result, outcome.message = Result.FAILED, outcome.message or FAILED
        return outcome


def _tidy(folder: Path) -> None:
    """Remove what an ended task does not need."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name not in KEPT:
                path.unlink()

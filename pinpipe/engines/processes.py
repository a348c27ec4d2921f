"""Starts the process of a service in its own group and stops it by its pid.

A record in ``<run dir>/state/<service>.json`` lets later calls of ``pinpipe`` find the process. A
pid that now belongs to another program is recognised by the start of the process and not touched.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import psutil

from contract import processes
from pinpipe.engines import logs, run_folder

CREATED_WITHIN = 60.0
"""Seconds by which a record's ``created`` may be off: the clock may have been set since."""


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """The stored record of a process that was started."""

    pid: Annotated[int, msgspec.Meta(gt=0, lt=2**31)]
    place: str = ""
    """Boot and pid namespace of the pid (``contract.processes``)."""
    started: str = ""
    """Start of the process in clock ticks since the boot; empty if it ended at once."""
    healthy: bool = False
    """Whether the service was healthy once since its start."""
    exit_code: int | None = None
    """Exit code of a process that has ended; None if nobody has seen its end."""
    restarts: int = 0
    """How often the supervisor has started the service again since somebody started it."""
    last_exit: int | None = None
    """Exit code of the process before the last restart."""
    inputs: str = ""
    """Digest of the inputs that a one-shot completed with; empty if it didn't complete."""
    created: float = 0.0
    """Start in seconds since the epoch, in records of releases before 0.1."""
    service: str = ""

    def same(self, other: ProcessRecord | None) -> bool:
        """Whether both are records of one process."""
        return other is not None and (self.pid, self.started) == (other.pid, other.started)

    def process(self) -> psutil.Process | None:
        """The process, if it is still the one that was started."""
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            if self.started:
                ours = (self.place, self.started) == _identity(self.pid)
            else:
                # Each service leads a session of its own, which few processes do.
                near = abs(process.create_time() - self.created) < CREATED_WITHIN
                ours = near and os.getsid(self.pid) == self.pid
        except (psutil.NoSuchProcess, ProcessLookupError):
            return None
        return process if ours else None


class Processes:
    """The processes with records in one run folder."""

    def __init__(self, run_dir: Path) -> None:
        self._folder = run_dir
        self._state = run_dir / "state"
        self._logs = run_dir / "logs"
        self._children: list[subprocess.Popen[bytes]] = []

    def log_path(self, service: str) -> Path:
        """File with the output of a service."""
        return self._logs / f"{service}.log"

    def log_tail(self, service: str) -> str:
        """The last lines of a service's log."""
        return logs.tail(self.log_path(service))

    def record(self, service: str) -> ProcessRecord | None:
        """The record of a service, or None if it was never started."""
        try:
            content = (self._state / f"{service}.json").read_bytes()
            return replace(msgspec.json.decode(content, type=ProcessRecord), service=service)
        except (OSError, msgspec.DecodeError):
            return None

    def running(self, service: str) -> ProcessRecord | None:
        """The record of a running service; None if it doesn't run."""
        record = self.record(service)
        return record if record is not None and record.process() is not None else None

    def records(self) -> list[ProcessRecord]:
        """The records of all services that were started."""
        self._reap()
        found = (self.record(service) for service in self._services())
        return [record for record in found if record is not None]

    def unreadable(self) -> list[str]:
        """Services whose record can't be read."""
        return [service for service in self._services() if self.record(service) is None]

    def _services(self) -> list[str]:
        return sorted(path.stem for path in self._state.glob("*.json"))

    def spawn(
        self,
        service: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path,
        **fields: Any,
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` in its own process group, with its output in the service's log.

        ``fields`` are further fields of the record.
        """
        run_folder.prepare(self._folder)
        self._logs.mkdir(mode=0o700, exist_ok=True)
        with open(self.log_path(service), "ab", opener=run_folder.private) as log:
            popen = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=run_folder.UMASK,
            )
        self._children.append(popen)
        self._write(ProcessRecord(popen.pid, *_identity(popen.pid), service=service, **fields))
        return popen

    @contextlib.contextmanager
    def lock(self, service: str, wait: bool = True) -> Iterator[None]:
        """Prevent other calls from starting the service inside of the block.

        Raises:
            BlockingIOError: another process has the lock, and ``wait`` is false.
        """
        self._prepare()
        with (self._state / f"{service}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

    def update(self, record: ProcessRecord, **changes: Any) -> None:
        """Change fields of a stored record, unless another process has taken its place."""
        with self.lock(record.service):
            stored = self.record(record.service)
            if stored is not None and record.same(stored):
                self._write(replace(stored, **changes))

    def forget(self, service: str) -> None:
        """Drop the record of a service that has ended."""
        self._reap()
        (self._state / f"{service}.json").unlink(missing_ok=True)

    def stop(self, record: ProcessRecord, limit: float) -> bool:
        """Stop a service and all its children by pid.

        Returns whether all ended within ``limit`` seconds of SIGTERM; the others are killed.
        """
        tree = self._process_tree(record)
        if not tree:
            return True
        _signal_group(record.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(tree, timeout=limit)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=limit)
        return not alive

    def kill(self, record: ProcessRecord) -> None:
        """Send SIGKILL to the whole process group, as a crash would end it."""
        tree = self._process_tree(record)
        if tree:
            _signal_group(record.pid, signal.SIGKILL)
            psutil.wait_procs(tree, timeout=10)
        self._reap()

    def ports(self, record: ProcessRecord) -> set[int]:
        """TCP ports that a process and its children listen on."""
        found = set()
        for member in self._process_tree(record):
            with contextlib.suppress(psutil.Error):
                found |= {
                    connection.laddr.port
                    for connection in member.net_connections("tcp")
                    if connection.status == psutil.CONN_LISTEN
                }
        return found

    def _process_tree(self, record: ProcessRecord) -> list[psutil.Process]:
        """The process and its living children."""
        leader = record.process()
        if leader is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                return [leader, *leader.children(recursive=True)]
        elsewhere = bool(record.place) and record.place != processes.place()
        now = processes.started(record.pid, ended=True)
        other = now != record.started if now else psutil.pid_exists(record.pid)
        if other or elsewhere or not (record.started or record.created):
            return []  # the pid belongs to another program now, or the process ended at once
        # The leader has ended. The system doesn't reuse its pid while the group has members, so
        # they belong to the service.
        members = [each for each in psutil.process_iter() if _group(each.pid) == record.pid]
        return [member for member in members if member.pid != record.pid]

    def _prepare(self) -> None:
        run_folder.prepare(self._folder)
        self._state.mkdir(mode=0o700, exist_ok=True)

    def _reap(self) -> None:
        """Collect children that have ended, so that none stays a zombie."""
        self._children = [child for child in self._children if child.poll() is None]

    def _write(self, record: ProcessRecord) -> None:
        self._prepare()
        run_folder.store(self._state / f"{record.service}.json", msgspec.json.encode(record))


def _identity(pid: int) -> tuple[str, str]:
    """``place`` and ``started`` of a living process; without ``/proc``, psutil's start."""
    place = processes.place()
    if place:
        return place, processes.started(pid)
    try:
        return "", str(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return "", ""


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def exit_text(code: int | None) -> str:
    """How a process ended, by its exit code."""
    if code is None:
        return "ended"
    if code >= 0:
        return f"ended with {code}"
    return f"ended by signal {-code} ({signal.strsignal(-code)})"


def memory_mib(process: psutil.Process, *, children: bool = True) -> float:
    """Memory of a process and all its children in MiB; shared memory counts once where possible."""
    total, members = 0, [process]
    with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
        members += process.children(recursive=True) if children else []
    for member in members:
        try:
            info = member.memory_full_info()
            total += getattr(info, "pss", info.rss)
        except psutil.Error:  # it has ended, or may not be inspected
            continue
    return round(total / 2**20, 1)

"""Processes of services: started in a group of their own, stopped by their pid.

Each leaves a record in ``<run dir>/state/<service>.json``, so that another
call of ``pinpipe`` finds it again. A pid that the system has given to another
program since is told by its start time and left alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept of a process that was started."""

    service: str
    pid: int
    created: float
    """Start time of the process, seconds since the epoch, as psutil gives it."""
    exit_code: int | None = None
    """Of a one-shot that has ended."""

    def process(self) -> psutil.Process | None:
        """The process, if it is still the one that was started."""
        try:
            process = psutil.Process(self.pid)
            alive = (
                process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.NoSuchProcess:
            return None
        return process if alive else None


class Processes:
    """The processes that one run folder knows."""

    def __init__(self, run_dir: Path) -> None:
        self._state = run_dir / "state"
        self._logs = run_dir / "logs"
        self._children: list[subprocess.Popen[bytes]] = []

    def log_path(self, service: str) -> Path:
        """File that takes the output of a service."""
        return self._logs / f"{service}.log"

    def log_tail(self, service: str, lines: int = 15) -> str:
        """The last lines that a service wrote."""
        path = self.log_path(service)
        if not path.exists():
            return ""
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 200 * lines))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def record(self, service: str) -> Record | None:
        """What is known of a service, or None if it was never started."""
        try:
            return Record(**json.loads((self._state / f"{service}.json").read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def running(self, service: str) -> Record | None:
        """What is known of a service that runs; None if it doesn't."""
        record = self.record(service)
        return record if record is not None and record.process() is not None else None

    def records(self) -> list[Record]:
        """What is known of every service that was started."""
        self._reap()
        found = (self.record(path.stem) for path in sorted(self._state.glob("*.json")))
        return [record for record in found if record is not None]

    def spawn(
        self, service: str, command: Sequence[str], environment: Mapping[str, str], cwd: Path
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` in a process group of its own, its output in the service's log."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log_path(service).open("ab") as log:
            popen = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(popen)
        try:
            created = psutil.Process(popen.pid).create_time()
        except psutil.NoSuchProcess:  # it has ended already; poll() knows how
            created = 0.0
        self._keep(Record(service, popen.pid, created))
        return popen

    def ended(self, service: str, exit_code: int) -> None:
        """Note how a one-shot ended."""
        record = self.record(service)
        if record is not None:
            self._keep(Record(service, record.pid, record.created, exit_code))

    def forget(self, service: str) -> None:
        """Drop the record of a service that isn't there any more."""
        self._reap()
        (self._state / f"{service}.json").unlink(missing_ok=True)

    def stop(self, record: Record, limit: float) -> bool:
        """Stop a service and everything that it started, by pid.

        Returns whether it ended within ``limit`` seconds of SIGTERM; what didn't is killed.
        """
        family = self._family(record)
        if not family:
            return True
        _signal_group(record.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=limit)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=limit)
        return not alive

    def kill(self, record: Record) -> None:
        """SIGKILL the whole process group at once, as a crash would end it."""
        family = self._family(record)
        _signal_group(record.pid, signal.SIGKILL)
        psutil.wait_procs(family, timeout=10)
        self._reap()

    def _family(self, record: Record) -> list[psutil.Process]:
        """The process and all that it started and that is still there."""
        leader = record.process()
        if leader is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                return [leader, *leader.children(recursive=True)]
        if psutil.pid_exists(record.pid) or not record.created:
            return []  # the number is another program's by now, or was never seen alive
        # The leader is gone. While its group has members the system gives its number to nobody
        # else, so they are ours.
        return [member for member in psutil.process_iter() if _group(member.pid) == record.pid]

    def _reap(self) -> None:
        """Take note of children that have ended, so that none stays a zombie of ours."""
        self._children = [child for child in self._children if child.poll() is None]

    def _keep(self, record: Record) -> None:
        self._state.mkdir(parents=True, exist_ok=True)
        path = self._state / f"{record.service}.json"
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(asdict(record)))
        draft.replace(path)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def memory_mib(process: psutil.Process) -> float:
    """Memory of a process and all its children; what they share counts once, where that is told."""
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            told = member.memory_full_info()
            total += getattr(told, "pss", told.rss)
        except psutil.Error:  # it has ended, or isn't ours to look into
            continue
    return round(total / 2**20, 1)

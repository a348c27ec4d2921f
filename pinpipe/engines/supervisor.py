"""The supervisor of a run folder: starts the services, and starts one that has crashed again.

`pinpipe up` leaves it behind, and `pinpipe down` ends it. It listens nowhere: it reads requests
from files (``launches``) when it gets SIGCHLD, which a process without a handler ignores. It does
what `restart: unless-stopped` does in Docker:

- A service that was healthy once and ends without a request is started again, first after
  ``FIRST_DELAY`` and then after a delay that doubles up to ``MOST_DELAY``.
- A failed health check is no end: a service that is frozen or unhealthy keeps running.
- After a restart ``upkeep`` runs the set-up steps again that depend on the service.

It also rotates the logs. SIGTERM ends the services in order, and then the supervisor. After SIGKILL
the services keep running; the next supervisor finds them by their records.
"""

import contextlib
import queue
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

from pinpipe.engines import logs
from pinpipe.engines.launches import Launch, Launches
from pinpipe.engines.processes import Processes, exit_text

NAME = "supervisor"
"""Name of its record and of its log."""
FIRST_DELAY = 0.5
MOST_DELAY = 60.0
"""Seconds until a restart. A service that ran for longer than the second begins with the first."""
STEP_TRIES = 8
"""How often failed set-up steps are tried, as in docker-compose.yml."""
LOGS_EVERY = 10.0
"""Seconds between two looks at the sizes of the logs."""
ADOPTED_EVERY = 1.0
"""Seconds between two looks at processes of an earlier supervisor, whose end gives no signal."""


class Supervisor:
    """The supervisor of one run folder."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._processes = Processes(run_dir)
        self._launches = Launches(run_dir)
        self._running: dict[str, subprocess.Popen[bytes] | None] = {}
        """The services that run; None for the process of an earlier supervisor."""
        self._since: dict[str, float] = {}
        self._failures: Counter[str] = Counter()
        """Restarts in a row after less than ``MOST_DELAY``."""
        self._due: dict[str, float] = {}
        """Services to start again, with the time."""
        self._steps: subprocess.Popen[bytes] | None = None
        self._signals: queue.SimpleQueue[int] = queue.SimpleQueue()

    def run(self) -> None:
        """Supervise the services until SIGTERM.

        Raises:
            BlockingIOError: another supervisor has the run folder.
        """
        with self._processes.lock(NAME, wait=False):
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda number, _: self._signals.put(number))
            for service in self._launches.kept():
                if self._processes.running(service):
                    self._running[service] = None
                else:
                    self._due[service] = 0
            looked = 0.0
            while True:
                self._collect()
                self._start_requested()
                self._start_due()
                if time.monotonic() - looked >= LOGS_EVERY:
                    looked = time.monotonic()
                    self._rotate()
                with contextlib.suppress(queue.Empty):
                    if self._signals.get(timeout=self._pause()) != signal.SIGCHLD and self._end():
                        return

    def _pause(self) -> float:
        """Seconds until there is something to do without a signal."""
        due = min(self._due.values(), default=float("inf")) - time.monotonic()
        most = ADOPTED_EVERY if None in self._running.values() else LOGS_EVERY
        return max(0.0, min(due, most))

    def _collect(self) -> None:
        """Note the services and the set-up steps that have ended."""
        for service, process in list(self._running.items()):
            if process is None:
                ended = self._processes.running(service) is None
            else:
                ended = process.poll() is not None
            if ended:
                del self._running[service]
                self._note_end(service, process.returncode if process else None)
        if self._steps is not None and self._steps.poll() is not None:
            code, self._steps = self._steps.returncode, None
            self._failures[NAME] = self._failures[NAME] + 1 if code else 0
            if code and self._failures[NAME] < STEP_TRIES:
                self._due[NAME] = time.monotonic() + self._delay(NAME)

    def _note_end(self, service: str, code: int | None) -> None:
        record = self._processes.record(service)
        if record is not None:
            self._processes.update(record, exit_code=code)
        if record is None or self._launches.launch(service) is None:
            return  # it was stopped
        if not record.healthy and not record.restarts:
            self._launches.withdraw(service)  # `pinpipe` reports it
            return
        lived = time.monotonic() - self._since.get(service, float("-inf"))
        self._failures[service] = 1 if lived > MOST_DELAY else self._failures[service] + 1
        delay = self._delay(service)
        _report(f"{service}: {exit_text(code)}, starts again in {delay:g} s")
        self._due[service] = time.monotonic() + delay

    def _delay(self, what: str) -> float:
        return min(MOST_DELAY, FIRST_DELAY * 2.0 ** min(self._failures[what] - 1, 16))

    def _start_requested(self) -> None:
        for service, launch in self._launches.requested().items():
            self._due.pop(service, None)
            self._failures.pop(service, None)
            if self._processes.running(service) is None:
                self._start(service, launch)
            else:
                self._running.setdefault(service, None)
            self._launches.keep(service)

    def _start_due(self) -> None:
        for service in [each for each, at in self._due.items() if at <= time.monotonic()]:
            del self._due[service]
            launch = self._launches.launch(service)
            record = self._processes.record(service)
            if launch is not None and record is not None and self._running.get(service) is None:
                self._start(service, launch, record.restarts + 1, record.exit_code)
                self._failures.pop(NAME, None)
            if launch is not None or service == NAME:
                self._run_steps()

    def _start(
        self, service: str, launch: Launch, restarts: int = 0, last_exit: int | None = None
    ) -> None:
        record = self._processes.record(service)
        if record is not None:
            self._processes.kill(record)  # what it left when it ended
        try:
            with self._processes.lock(service):
                self._running[service] = self._processes.spawn(
                    service,
                    launch.command,
                    launch.environment,
                    Path(launch.folder),
                    restarts=restarts,
                    last_exit=last_exit,
                )
        except OSError as error:  # its command is missing, or the machine lacks memory
            _report(f"{service}: {error}")
            self._failures[service] += 1
            if restarts:
                self._due[service] = time.monotonic() + self._delay(service)
            return
        self._since[service] = time.monotonic()
        _report(f"{service}: started")

    def _run_steps(self) -> None:
        """Run the set-up steps that depend on a service that was started again."""
        self._end_steps()
        self._steps = subprocess.Popen(upkeep(self._run_dir, "settle"))

    def _end_steps(self) -> None:
        if self._steps is not None:
            self._steps.terminate()
            self._steps.wait()
            self._steps = None

    def _end(self) -> bool:
        """Return whether the supervisor may end; if services run, end them first.

        The process that ends the services then sends SIGTERM again.
        """
        if self._launches.kept():
            subprocess.Popen(upkeep(self._run_dir, "down"), start_new_session=True)
            return False
        self._end_steps()
        return True

    def _rotate(self) -> None:
        for path in (self._run_dir / "logs").glob("*.log"):
            try:
                logs.rotate(path)
            except OSError as error:
                _report(f"{path}: {error}")


def upkeep(run_dir: Path, command: str) -> tuple[str, ...]:
    """The command line of ``pinpipe.engines.upkeep``."""
    return (sys.executable, "-m", "pinpipe.engines.upkeep", command, str(run_dir))


def _report(line: str) -> None:
    sys.stderr.write(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S%z} {line}\n")
    sys.stderr.flush()


def main() -> None:
    """Supervise the run folder that the command line names."""
    try:
        Supervisor(Path(sys.argv[1])).run()
    except BlockingIOError:
        sys.exit(f"another supervisor has {sys.argv[1]}")


if __name__ == "__main__":
    main()

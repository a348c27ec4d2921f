"""The project's own programs and services as processes that tests start and end.

Standard library only: the tests in Airflow's environments use it as well.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

from tests.support import ROOT
from tests.support.waiting import wait_for

T = TypeVar("T")


class Program:
    """A command in a process group of its own; its output goes to a file."""

    def __init__(
        self, command: list[str | Path], environment: Mapping[str, str], log: Path
    ) -> None:
        self.command = command
        self.environment = dict(environment)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start the command."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.command, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    @property
    def running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def wait(
        self, what: str, fact: Callable[[], T | None], limit: float, interval: float = 0.02
    ) -> T:
        """Wait for a fact; fail with the log if the process ends before."""

        def checked() -> T | None:
            found = fact()
            if not found and not self.running:
                text = self.log.read_text()
                raise AssertionError(f"{self.command[0]} ended before {what}: {text}")
            return found

        return wait_for(f"{what} (log: {self.log})", checked, limit, interval)

    def signal(self, number: int) -> None:
        """Send a signal to its process group."""
        assert self.process is not None
        os.killpg(self.process.pid, number)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every thread of the process while the context is open."""
        self.signal(signal.SIGSTOP)
        try:
            assert self.process is not None
            child, seen = self.process.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT
            wait_for("it to stand still", lambda: os.waitid(os.P_PID, child, seen))
            yield
        finally:
            self.signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL to the running process, and wait for its end."""
        assert self.running, self.log.read_text()
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait(30)

    def stop(self, limit: float = 30) -> int:
        """Send SIGTERM; return the exit status."""
        if self.process is None:
            return 0
        if self.running:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command[0]} did not stop in {limit} s") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the process if it runs."""
        if self.running:
            self.kill()


class Service(Program):
    """A service, started by its run.sh and checked by its health.sh; as a context it runs."""

    def __init__(
        self, place: str, folder: Path, environment: Mapping[str, str], python: str = ".venv"
    ) -> None:
        """Define the service without starting it.

        Args:
            place: folder of the service in the project.
            folder: its run folder, which also has its log.
            environment: the variables that docker-compose.yml would set.
            python: environment whose Python its scripts use.
        """
        plain = {n: os.environ[n] for n in ("HOME", "JAVA_HOME", "TMPDIR") if n in os.environ}
        path = f"{ROOT / python / 'bin'}{os.pathsep}{os.environ['PATH']}"
        self.folder, self.place = folder, ROOT / place
        super().__init__(
            [self.place / "run.sh"],
            {**plain, "PATH": path, "RUN_DIR": str(folder), **environment},
            folder / f"{self.place.name}.log",
        )

    def start(self, limit: float = 90) -> None:
        """Start the service and wait until its health check passes."""
        self.launch()
        # After an early end another service on the same port might respond instead.
        self.wait("it is healthy", lambda: self.running and self.health().returncode == 0, limit)

    def health(self, **changed: str) -> subprocess.CompletedProcess[str]:
        """Run its health check once, with changed variables."""
        return subprocess.run(
            [self.place / "health.sh"],
            cwd=ROOT,
            env=self.environment | changed,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            super().__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop(60)  # a Connect worker leaves its group slowly on a busy machine


def spark_environment(folder: Path, **variables: str) -> dict[str, str]:
    """Environment of a script that starts Spark, with its state below ``folder``."""
    path = f"{ROOT / '.build/envs/spark/bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "RUN_DIR": str(folder / "run"), **variables}

"""Run the services as processes on 127.0.0.1, where no Docker engine answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import psutil

from stack import compose, ports
from stack.compose import Service
from stack.errors import PortTaken, StackError, StartError, WaitTimeout
from stack.processes import Processes, Record
from stack.status import State, Status
from stack.waiting import wait_for

ONE_SHOT_LIMIT = 600.0
"""Seconds that a set-up step may take."""


class NativeEngine:
    """The services of docker-compose.yml as processes of this machine."""

    def __init__(
        self, root: Path, environ: Mapping[str, str], talk: Callable[[str], None] = lambda _: None
    ) -> None:
        """Read docker-compose.yml below ``root``; ``talk`` takes a line per event."""
        self._root = root
        self._environ = {**environ, "RUN_DIR": environ.get("RUN_DIR") or ".run"}
        self._compose = compose.load(root, self._environ)
        self._processes = Processes(root / self._environ["RUN_DIR"])
        self._talk = talk
        self._interrupted = threading.Event()

    @property
    def client_environment(self) -> dict[str, str]:
        """What a client of the stack on this machine needs: addresses and credentials."""
        return dict(self._compose.client)

    def up(self) -> None:
        """Start what isn't running, each service when those that it needs are there.

        Raises:
            PortTaken: before anything is started.
            StartError: a service didn't become healthy; the others are left as they are.
        """
        services = self._compose.long_running()
        self._check_ports(services)
        started: dict[str, Future[None]] = {}
        # A thread a service: each waits for the futures of those that it needs.
        with ThreadPoolExecutor(max_workers=len(services)) as pool:
            for service in services:
                needed = [started[name] for name in service.needs if name in started]
                started[service.name] = pool.submit(self._start_after, service, needed)
            try:
                wait(started.values())
            except KeyboardInterrupt:
                self._interrupted.set()
                raise
        for future in started.values():
            error = future.exception()
            if error is not None and not isinstance(error, _NeedFailed):
                raise error

    def down(self, forget: bool = False) -> None:
        """Stop every service, last first; with ``forget`` remove their data as well."""
        order = list(self._compose.services)
        for record in sorted(self._processes.records(), key=lambda r: -order.index(r.service)):
            if record.process() is not None:
                self._talk(f"{record.service}: stopping")
            limit = self._compose.service(record.service).stop_limit
            if not self._processes.stop(record, limit):
                self._talk(f"{record.service}: didn't end in {limit:g} s, killed")
            self._processes.forget(record.service)
        data = self._root / self._environ["RUN_DIR"] / "data"
        if forget and data.exists():
            shutil.rmtree(data)
            self._talk(f"removed {data}")

    def status(self) -> list[Status]:
        """How each service stands, in the order of docker-compose.yml."""
        return [self._status(s) for s in self._compose.services.values() if not s.profiles]

    def log_path(self, service: str) -> Path:
        """File with the output of a service."""
        return self._processes.log_path(self._compose.service(service).name)

    def pid(self, service: str) -> int:
        """Process id of a running service.

        Raises:
            StackError: it isn't running.
        """
        return self._running(service).pid

    def kill(self, service: str) -> None:
        """End a service as a crash would: SIGKILL to its process group."""
        self._processes.kill(self._running(service))

    def start(self, service: str) -> None:
        """Start one service, or start it again, and wait until it's healthy or has completed."""
        self._start(self._compose.service(service))

    def stop(self, service: str) -> None:
        """Stop one service; its data stays."""
        self._processes.stop(self._running(service), self._compose.service(service).stop_limit)

    def command(self, service: str, arguments: Sequence[str] = ()) -> list[str]:
        """Command line of a service, ``arguments`` added at its end."""
        first, *rest = self._compose.service(service).command
        return [str(self._root / first), *rest, *arguments]

    def environment(self, service: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment of a service's process, with ``extra`` on top."""
        spec = self._compose.service(service)
        path = self._environ.get("PATH", os.defpath)
        first = [str(self._root / spec.path)] if spec.path else []
        return {
            **self._environ,
            **spec.environment,
            "PATH": os.pathsep.join([*first, path]),
            "PYTHONUNBUFFERED": "1",
            **(extra or {}),
        }

    def _start_after(self, service: Service, needed: Sequence[Future[None]]) -> None:
        for future in needed:
            if future.exception() is not None:
                raise _NeedFailed(f"{service.name}: a service that it needs didn't start")
        self._start(service)

    def _start(self, service: Service) -> None:
        record = self._processes.record(service.name)
        if record is not None and record.process() is not None:
            if service.healthcheck is not None and not self._unhealthy(service):
                self._talk(f"{service.name}: already healthy")
                return
            self._processes.stop(record, service.stop_limit)
        self._talk(f"{service.name}: starting")
        process = self._processes.spawn(
            service.name, self.command(service.name), self.environment(service.name), self._root
        )
        if service.healthcheck is None:
            self._await_end(service, process)
        else:
            self._await_health(service, service.healthcheck, process)

    def _await_end(self, service: Service, process: subprocess.Popen[bytes]) -> None:
        def ended() -> bool:
            self._check_interrupted(service)
            return process.poll() is not None

        try:
            wait_for(f"{service.name} to end", ended, ONE_SHOT_LIMIT, 0.1)
        except WaitTimeout as timeout:
            raise StartError(self._account(service, str(timeout))) from None
        self._processes.ended(service.name, process.returncode)
        if process.returncode != 0:
            raise StartError(self._account(service, f"ended with {process.returncode}"))
        self._talk(f"{service.name}: completed")

    def _await_health(
        self, service: Service, check: compose.Healthcheck, process: subprocess.Popen[bytes]
    ) -> None:
        reason = ""

        def healthy() -> bool:
            nonlocal reason
            self._check_interrupted(service)
            if process.poll() is not None:
                raise StartError(self._account(service, f"ended with {process.returncode}"))
            reason = self._unhealthy(service)
            return not reason

        try:
            wait_for(f"{service.name} to be healthy", healthy, check.start_limit, check.interval)
        except WaitTimeout as timeout:
            raise StartError(self._account(service, f"{timeout}: {reason}")) from None
        self._talk(f"{service.name}: healthy")

    def _check_interrupted(self, service: Service) -> None:
        if self._interrupted.is_set():
            raise _NeedFailed(f"{service.name}: interrupted")

    def _unhealthy(self, service: Service) -> str:
        """Why a service isn't healthy; empty when it is."""
        assert service.healthcheck is not None
        first, *rest = service.healthcheck.command
        try:
            done = subprocess.run(
                [str(self._root / first), *rest],
                cwd=self._root,
                env=self.environment(service.name),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=service.healthcheck.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"its health check took over {service.healthcheck.timeout:g} s"
        if done.returncode == 0:
            return ""
        lines = (done.stderr or done.stdout).strip().splitlines()
        return lines[-1] if lines else f"its health check ended with {done.returncode}"

    def _account(self, service: Service, what: str) -> str:
        tail = self._processes.log_tail(service.name)
        log = self._processes.log_path(service.name)
        return f"{service.name}: {what}\n--- last lines of {log}\n{tail}\n---"

    def _running(self, service: str) -> Record:
        record = self._processes.record(self._compose.service(service).name)
        if record is None or record.process() is None:
            raise StackError(f"{service} isn't running")
        return record

    def _check_ports(self, services: Sequence[Service]) -> None:
        for service in services:
            record = self._processes.record(service.name)
            if record is not None and record.process() is not None:
                continue
            for port in set(service.ports.values()):
                holder = ports.holder(port)
                if holder is not None:
                    raise PortTaken(
                        f"{service.name} needs port {port}, which {holder} has: stop that, "
                        f"or choose another port in .env (see .env.example)"
                    )

    def _status(self, service: Service) -> Status:
        if service.skip:
            return Status(service.name, State.SKIPPED, service.skip)
        record = self._processes.record(service.name)
        if record is None:
            return Status(service.name, State.NOT_STARTED)
        process = record.process()
        if process is None:
            return self._status_of_ended(service, record)
        if service.healthcheck is None:
            return Status(service.name, State.RUNNING, pid=record.pid)
        reason = self._unhealthy(service)
        return Status(
            service.name,
            State.UNHEALTHY if reason else State.HEALTHY,
            reason,
            record.pid,
            tuple(sorted(set(service.ports.values()))),
            _memory_mib(process),
        )

    def _status_of_ended(self, service: Service, record: Record) -> Status:
        if service.healthcheck is not None or record.exit_code is None:
            return Status(service.name, State.ENDED, f"see {self.log_path(service.name)}")
        if record.exit_code == 0:
            return Status(service.name, State.COMPLETED)
        return Status(service.name, State.FAILED, f"ended with {record.exit_code}")


class _NeedFailed(StackError):
    """A service wasn't started, because one that it needs failed; that one is reported."""


def _memory_mib(process: psutil.Process) -> float:
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return round(total / 2**20, 1)

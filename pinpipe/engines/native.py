"""Runs the services as processes on 127.0.0.1, without Docker."""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

import psutil

from contract.secrets import secret, with_password
from contract.waiting import WaitTimeout, wait_for
from pinpipe.doctor import machine
from pinpipe.doctor.finding import Finding
from pinpipe.doctor.machine import Problem
from pinpipe.engines import compose, logs, ports, run_folder, supervisor
from pinpipe.engines.compose import Service
from pinpipe.engines.inherited import inherited
from pinpipe.engines.launches import Launch, Launches
from pinpipe.engines.oneshot import OneShot
from pinpipe.engines.processes import Processes, ProcessRecord, exit_text, memory_mib
from pinpipe.engines.status import State, Status
from pinpipe.errors import MachineError, StackError, StartError

KAFKA_FILES = ("KAFKA_CA_FILE", "KAFKA_SCRAM_PASSWORD_FILE")
"""Variables of files that the broker generates for its clients."""
PASSWORD_FILE = "SOURCE_DATABASE_PASSWORD_FILE"
ONE_SHOT_LIMIT = 600.0
"""Seconds that a set-up step may take."""
SUPERVISOR_LIMIT = 60.0
"""Seconds until the supervisor has started a service, or has ended."""


class NativeEngine:
    """The services of docker-compose.yml as processes of this machine."""

    def __init__(
        self, root: Path, environ: Mapping[str, str], report: Callable[[str], None] = lambda _: None
    ) -> None:
        """Read docker-compose.yml below ``root``; ``report`` takes a line per event."""
        self._root = root
        self._environ = {**environ, "RUN_DIR": environ.get("RUN_DIR") or ".run"}
        self._compose = compose.load(root, self._environ)
        self._run_dir = root / self._environ["RUN_DIR"]
        self._processes = Processes(self._run_dir)
        self._launches = Launches(self._run_dir)
        self._report = report
        self._interrupted = threading.Event()

    @property
    def client_environment(self) -> dict[str, str]:
        """Addresses and credentials for a client of the stack on this machine."""
        client = dict(self._compose.client)
        # Absolute, since a client may run in another folder.
        client |= {name: str(self._root / client[name]) for name in KAFKA_FILES if name in client}
        file = self._root / client.pop(PASSWORD_FILE, "")
        if file.is_file():  # else the database doesn't run: the client that connects reports it
            password = secret(PASSWORD_FILE, str(file))
            client["SOURCE_DATABASE_URL"] = with_password(client["SOURCE_DATABASE_URL"], password)
        return client

    def require(self, *variables: str) -> None:
        """Check that the client's addresses in ``variables`` belong to this stack.

        An address that a person has set isn't checked.

        Raises:
            StackError: no service of this stack listens on the port; another program may.
        """
        for variable in variables:
            address = self._compose.client_addresses.get(variable)
            if address is not None and address.port not in self._ports(address.service):
                raise ports.not_ours(address)

    def runs(self) -> bool:
        """Whether a process of this stack runs."""
        return any(record.process() is not None for record in self._processes.records())

    def problems(self) -> list[Problem | Finding]:
        """The problems that prevent a start, and findings on what differs without a program."""
        return [*machine.problems(), *self._port_problems(), *self._lacking()]

    def up(self) -> None:
        """Start each service that isn't running, after the services that it needs are healthy.

        Raises:
            MachineError: a port is taken; nothing was started.
            StackError: the run folder has other data; nothing was started.
            StartError: a service didn't become healthy; the others keep running.
        """
        taken = self._port_problems()
        if taken:
            raise MachineError(taken)
        run_folder.claim(self._run_dir)
        self._supervise()
        for finding in self._lacking():
            self._report(str(finding))
        self._in_order(self._start_or_skip)

    def settle(self) -> None:
        """Do what is to be done after the supervisor has started services again.

        It waits until they are healthy, and runs each set-up step whose inputs have changed. It
        starts and stops no service.

        Raises:
            StartError: a service didn't become healthy, or a step failed.
        """
        self._in_order(self._settle)

    def _in_order(self, action: Callable[[Service], None]) -> None:
        """Call ``action`` with each service, after those that the service needs."""
        services = self._compose.long_running()
        done: dict[str, Future[None]] = {}

        def call(service: Service, needed: Sequence[Future[None]]) -> None:
            if any(future.exception() is not None for future in needed):
                raise _NeedFailed(f"{service.name}: a service that it needs didn't start")
            action(service)

        # One thread for each service; it waits for the futures of the services that it needs.
        with ThreadPoolExecutor(max_workers=len(services)) as pool:
            for service in services:
                needed = [done[name] for name in service.needs if name in done]
                done[service.name] = pool.submit(call, service, needed)
            try:
                wait(done.values())
            except KeyboardInterrupt:
                self._interrupted.set()
                raise
        for future in done.values():
            error = future.exception()
            if error is not None and not isinstance(error, _NeedFailed):
                raise error

    def down(self, forget: bool = False) -> None:
        """Stop every service, the last first; with ``forget`` remove their data, too.

        Raises:
            StackError: the data is not the stack's; every service has ended.
        """
        self._launches.clear()
        self._end_supervisor()
        services = self._compose.services
        order = {name: number for number, name in enumerate(services)}
        # Services that docker-compose.yml no longer has end first, since no other needs them.
        for record in sorted(
            self._processes.records(), key=lambda r: -order.get(r.service, len(order))
        ):
            if record.process() is not None:
                self._report(f"{record.service}: stopping")
            service = services.get(record.service)
            limit = service.stop_limit if service else compose.STOP_LIMIT
            if not self._processes.stop(record, limit):
                self._report(f"{record.service}: didn't end in {limit:g} s, killed")
            self._processes.forget(record.service)
        for name in self._processes.unreadable():
            self._report(
                f"{name}: its record in {self._environ['RUN_DIR']}/state can't be read and is "
                "dropped; if its process still runs, end it by its pid"
            )
            self._processes.forget(name)
        data = self._run_dir / "data"
        if forget and data.exists():
            run_folder.remove_data(self._run_dir)
            self._report(f"removed {data}")

    def status(self) -> list[Status]:
        """State of each service, in the order of docker-compose.yml."""
        ours = {*self._compose.services, supervisor.NAME}
        left = [r for r in self._processes.records() if r.service not in ours and r.process()]
        return [
            *(self._status(s) for s in self._compose.services.values() if not s.profiles),
            self._supervisor_status(),
            *(Status(r.service, State.LEFT_OVER, "`pinpipe down` stops it", r.pid) for r in left),
        ]

    def unhealthy(self) -> list[str]:
        """A report on each service that isn't healthy, with the reason and its last log lines."""
        return [
            self._failure_report(status.service, f"{status.state} {status.reason}")
            for status in self.status()
            if not status.state.fine
        ]

    def print_log(self, service: str, follow: bool) -> None:
        """Copy the output of a service to stdout; with ``follow`` until Ctrl-C.

        Raises:
            StackError: the service has no log yet.
        """
        if service != supervisor.NAME:
            service = self._compose.service(service).name
        path = self._processes.log_path(service)
        if not path.exists():
            raise StackError(f"there is no {path}: start it with `pinpipe up`")
        with contextlib.suppress(KeyboardInterrupt):
            for content in logs.read(path, follow):
                sys.stdout.buffer.write(content)
                sys.stdout.buffer.flush()

    def last_line(self, service: str) -> str:
        """Last line of a service's log; empty if there is none."""
        return self._processes.log_tail(service).rpartition("\n")[2]

    def read(self, service: str, path: str) -> str:
        """Text of a service's file, by its path below the run folder.

        Raises:
            StackError: the file can't be read.
        """
        file = self._run_dir / path
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise StackError(f"{service}: {file}: {error}; start it with `pinpipe up`") from error

    def outbox(self) -> Path:
        """The emulator's outbox."""
        return self._root / self._compose.client["EMULATOR_OUTBOX"]

    def pid(self, service: str) -> int:
        """Process id of a running service.

        Raises:
            StackError: the service isn't running.
        """
        return self._running(service).pid

    def kill(self, service: str) -> None:
        """End a service with SIGKILL to its process group; as in Docker, it stays ended."""
        self._launches.withdraw(service)
        self._processes.kill(self._running(service))

    def start(self, service: str) -> None:
        """Start or restart one service and wait until it's healthy or has completed."""
        self._supervise()
        self._start(self._compose.service(service))

    def stop(self, service: str) -> None:
        """Stop one service and keep its data."""
        self._launches.withdraw(service)
        self._processes.stop(self._running(service), self._compose.service(service).stop_limit)

    def restart(self, *services: str) -> None:
        """Stop services in order and start them again, by default all; wait for health."""
        if not services:
            self.down()
            self.up()
        for service in services:
            self.stop(service)
            self.start(service)

    def one_shot(
        self, service: str, arguments: Sequence[str] = (), extra: Mapping[str, str] | None = None
    ) -> OneShot:
        """The one-shot with ``arguments``, and with ``extra`` variables in its environment."""
        first, *rest = self._compose.service(service).command
        command = (str(self._root / first), *rest, *arguments)
        return OneShot(command, self._root, self._environment(service, extra))

    def _environment(self, service: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Environment of a service's process; ``extra`` overrides it."""
        spec = self._compose.service(service)
        path = self._environ.get("PATH", os.defpath)
        first = [str(self._root / spec.path)] if spec.path else []
        return {
            **inherited(self._environ),
            **spec.environment,
            "PATH": os.pathsep.join([*first, path]),
            "PYTHONUNBUFFERED": "1",
            **(extra or {}),
        }

    def _supervise(self) -> None:
        """Start the supervisor unless it runs, and store what it needs for the set-up steps."""
        run_folder.prepare(self._run_dir)
        # Without the keys of an account that a person may have in the shell.
        named = {k: v for k, v in self._environ.items() if k in compose.variables(self._root)}
        environ = inherited(self._environ) | named
        with self._processes.lock("up"):
            self._launches.store_settings(environ)
            if self._processes.running(supervisor.NAME) is None:
                # What ended without a supervisor starts in order, with the settings of today.
                for service in self._launches.kept():
                    if self._processes.running(service) is None:
                        self._launches.withdraw(service)
                command = (sys.executable, "-m", supervisor.__name__, str(self._run_dir))
                self._processes.spawn(supervisor.NAME, command, inherited(environ), self._root)

    def _end_supervisor(self) -> None:
        """End the supervisor, but none of the services that it has started."""
        record = self._processes.running(supervisor.NAME)
        process = record.process() if record else None
        if process is not None:
            process.terminate()
            _, alive = psutil.wait_procs([process], SUPERVISOR_LIMIT)
            for each in alive:  # it is frozen
                each.kill()
            psutil.wait_procs(alive)
        self._processes.forget(supervisor.NAME)

    def _supervisor_status(self) -> Status:
        name = supervisor.NAME
        record = self._processes.record(name)
        if record is None:
            return Status(name, State.NOT_STARTED)
        process = record.process()
        if process is None:
            return Status(name, State.ENDED, "`pinpipe up` starts it again")
        if process.status() == psutil.STATUS_STOPPED:
            return Status(name, State.UNHEALTHY, "it is suspended", record.pid)
        return Status(
            name, State.HEALTHY, pid=record.pid, memory_mib=memory_mib(process, children=False)
        )

    def _settle(self, service: Service) -> None:
        last = self._processes.record(service.name)
        if service.healthcheck is None:
            if last is not None and last.inputs != self._inputs(service):
                self._start(service)
        elif last is None or self._launches.launch(service.name) is None:
            raise _NeedFailed(f"{service.name} was stopped")
        elif not last.healthy and not self._becomes_healthy(service, last):
            raise StartError(self._failure_report(service.name, "didn't become healthy"))

    def _start_or_skip(self, service: Service) -> None:
        last = self._processes.record(service.name)
        # Of a service nothing is noted: its files need not be read.
        done = last and last.inputs and last.inputs == self._inputs(service)
        if done and self._in_use(service):
            self._report(f"{service.name}: completed before")
        else:
            self._start(service)

    def _in_use(self, service: Service) -> bool:
        """Whether a service that a step needs, or one that needs the step, runs."""
        users = [s.name for s in self._compose.long_running() if service.name in s.needs]
        return any(self._processes.running(name) for name in (*service.needs, *users))

    def _inputs(self, service: Service) -> str:
        """Digest of the inputs of a step: command, files, settings, processes that it needs.

        With the same inputs a step has nothing to do: what it has set up lives as long as they do.
        """
        needed = [self._processes.record(name) for name in service.needs]
        folder = (self._root / service.command[0]).parent
        files = [(p.name, p.read_bytes()) for p in sorted(folder.iterdir()) if p.is_file()]
        found = (service.command, files, service.environment)
        processes = [record and (record.pid, record.started) for record in needed]
        return hashlib.sha256(repr((found, processes)).encode()).hexdigest()

    def _start(self, service: Service) -> None:
        started = self._spawn(service)
        while started is None:
            record = self._processes.running(service.name)
            if record is not None:
                if self._becomes_healthy(service, record):
                    return
                self._processes.stop(record, service.stop_limit)
            started = self._spawn(service)
        if isinstance(started, ProcessRecord):
            self._await_health(service, started)
        else:
            self._await_end(service, started)

    def _spawn(self, service: Service) -> ProcessRecord | subprocess.Popen[bytes] | None:
        """Start a set-up step, or have the supervisor start a service.

        Returns None if it runs already, started by any call.
        """
        run = self.one_shot(service.name)
        with self._processes.lock(f"{service.name}.start"):
            before = self._processes.record(service.name)
            runs = before is not None and before.process() is not None
            if not runs:
                self._report(f"{service.name}: starting")
            elif service.healthcheck is None or self._launches.launch(service.name):
                return None
            if service.healthcheck is None:
                return self._processes.spawn(service.name, run.command, run.environment, run.folder)
            # The supervisor also takes over a process that an older release has started.
            launch = Launch(run.command, str(run.folder), run.environment)
            self._launches.request(service.name, launch)
            self._wait_for_supervisor(service)
        if runs:
            return None
        record = self._processes.record(service.name)
        if record is None or record.same(before):
            raise StartError(
                self._failure_report(supervisor.NAME, f"it can't start {service.name}")
            )
        return record

    def _wait_for_supervisor(self, service: Service) -> None:
        """Wait until the supervisor has started a service."""

        def started() -> bool:
            record = self._processes.running(supervisor.NAME)
            if record is None:
                raise StartError(self._failure_report(supervisor.NAME, "ended"))
            if service.name not in self._launches.requested():
                return True
            with contextlib.suppress(ProcessLookupError):
                os.kill(record.pid, signal.SIGCHLD)
            return False

        wait_for(f"the supervisor to start {service.name}", started, SUPERVISOR_LIMIT, 0.05)

    def _becomes_healthy(self, service: Service, record: ProcessRecord) -> bool:
        """Wait for a process that another call has started; return whether it became healthy.

        The limit is the time of a start. It counts from the start of the process, but leaves at
        least the time of the retries; for a service that was healthy before, it counts from now.
        For a step the method waits until its end and returns False: the step must run again.
        """
        check = service.healthcheck
        limit = check.start_limit if check else ONE_SHOT_LIMIT
        process = record.process()
        if process is not None and check and not record.healthy:
            limit = max(check.grace, limit - (time.time() - process.create_time()))
        reason = ""

        def settled() -> bool:
            nonlocal reason
            self._check_interrupted(service)
            if record.process() is None:
                return True
            if check is None:
                return False
            before, reason = reason, self._unhealthy(service)
            if reason and not before:
                self._report(f"{service.name}: not healthy yet ({reason}), waiting {limit:.0f} s")
            return not reason

        try:
            interval = check.interval if check else 0.1
            wait_for(f"{service.name} to settle", settled, limit, interval)
        except WaitTimeout:
            self._report(f"{service.name}: not healthy after {limit:.0f} s ({reason})")
            return False
        if check is None or record.process() is None:
            return False
        self._report(f"{service.name}: already healthy")
        if not record.healthy:
            self._processes.update(record, healthy=True)
        return True

    def _await_end(self, service: Service, process: subprocess.Popen[bytes]) -> None:
        """Wait until a step has ended with 0."""

        def ended() -> bool:
            self._check_interrupted(service)
            return process.poll() is not None

        try:
            wait_for(f"{service.name} to end", ended, ONE_SHOT_LIMIT, 0.1)
        except WaitTimeout as timeout:
            raise StartError(self._failure_report(service.name, str(timeout))) from None
        code = process.returncode
        record = self._processes.record(service.name)
        if record is not None:
            inputs = "" if code else self._inputs(service)
            self._processes.update(record, exit_code=code, inputs=inputs)
        if code:
            raise StartError(self._failure_report(service.name, exit_text(code)))
        self._report(f"{service.name}: completed")

    def _await_health(self, service: Service, record: ProcessRecord) -> None:
        """Wait until a started service is healthy."""
        check, reason = service.healthcheck, ""
        assert check is not None

        def healthy() -> bool:
            nonlocal reason
            self._check_interrupted(service)
            reason = self._unhealthy(service)
            if record.process() is None:
                raise StartError(self._failure_report(service.name, self._end_of(record)))
            return not reason

        try:
            what = f"{service.name} to be healthy"
            wait_for(what, healthy, check.start_limit, check.interval)
        except WaitTimeout as timeout:
            raise StartError(self._failure_report(service.name, f"{timeout}: {reason}")) from None
        self._processes.update(record, healthy=True)
        self._report(f"{service.name}: healthy")

    def _end_of(self, record: ProcessRecord) -> str:
        """How the process of a service has ended, as the supervisor notes it a moment later."""

        def noted() -> ProcessRecord | None:
            now = self._processes.record(record.service)
            return now if now and (now.exit_code is not None or not now.same(record)) else None

        try:
            now = wait_for("the exit code", noted, 2, 0.02)
        except WaitTimeout:
            return exit_text(None)
        return exit_text(now.exit_code if now.same(record) else now.last_exit)

    def _check_interrupted(self, service: Service) -> None:
        if self._interrupted.is_set():
            raise _NeedFailed(f"{service.name}: interrupted")

    def _unhealthy(self, service: Service) -> str:
        """Last line of a service's failed health check; empty if the service is healthy."""
        check = service.healthcheck
        assert check is not None
        first, *rest = check.command
        try:
            done = subprocess.run(
                [str(self._root / first), *rest],
                cwd=self._root,
                env=self._environment(service.name),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=check.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"its health check took over {check.timeout:g} s"
        if done.returncode == 0:
            return ""
        lines = (done.stderr or done.stdout).strip().splitlines()
        return lines[-1] if lines else f"its health check ended with {done.returncode}"

    def _failure_report(self, service: str, what: str) -> str:
        tail = self._processes.log_tail(service)
        log = self._processes.log_path(service)
        return f"{service}: {what}\n--- last lines of {log}\n{tail}\n---"

    def _running(self, service: str) -> ProcessRecord:
        record = self._processes.running(self._compose.service(service).name)
        if record is None:
            raise StackError(f"{service} isn't running")
        return record

    def _ports(self, service: str) -> set[int]:
        """Ports that the process of a service listens on."""
        record = self._processes.running(service)
        return self._processes.ports(record) if record else set()

    def _lacking(self) -> list[Finding]:
        """What differs because no program of a service is installed."""
        return [
            Finding(s.name, s.skip)
            for s in self._compose.services.values()
            if s.programs and s.skip
        ]

    def _port_problems(self) -> list[Problem]:
        return ports.problems(
            s for s in self._compose.long_running() if not self._processes.running(s.name)
        )

    def _status(self, service: Service) -> Status:
        if service.skip:
            return Status(service.name, State.SKIPPED, service.skip)
        record = self._processes.record(service.name)
        if record is None:
            return Status(service.name, State.NOT_STARTED)
        process = record.process()
        times = f"restarts: {record.restarts}; the last process"
        if process is None:
            if self._launches.launch(service.name) and self._processes.running(supervisor.NAME):
                last = f"{exit_text(record.exit_code)}: {self.last_line(service.name)}"
                return Status(service.name, State.RESTARTING, f"{times} {last}")
            exit_code = None if service.healthcheck else record.exit_code
            log = self._processes.log_path(service.name)
            return Status.of_ended(service.name, exit_code, str(log))
        if service.healthcheck is None:
            return Status(service.name, State.RUNNING, pid=record.pid)
        again = f"{times} {exit_text(record.last_exit)}" if record.restarts else ""
        reason = self._unhealthy(service)
        return Status(
            service.name,
            State.UNHEALTHY if reason else State.HEALTHY,
            reason or again,
            record.pid,
            tuple(sorted(set(service.ports.values()))),
            memory_mib(process),
        )


class _NeedFailed(StackError):
    """A service wasn't started because a service that it needs failed, which is reported."""

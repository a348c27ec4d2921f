"""Runs the services as containers of a Docker engine.

It calls ``docker compose`` for everything, so `pinpipe` and a person can take turns on one stack.
"""

import json
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from contract.secrets import with_password
from pinpipe.doctor import docker_machine
from pinpipe.doctor.machine import Problem
from pinpipe.engines import compose, logs, ports, run_folder
from pinpipe.engines.compose import Service
from pinpipe.engines.docker_cli import DockerCli
from pinpipe.engines.oneshot import OneShot
from pinpipe.engines.status import State, Status
from pinpipe.errors import MachineError, StackError, StartError

START_LIMIT = 600
"""Seconds until all services are healthy, without the build of their images."""
PASSWORD = "/run/passwords/reader/password"
"""File in the database's container with the password of the reader."""


Container = Mapping[str, Any]
"""A container as ``docker inspect`` describes it."""


class DockerEngine:
    """The services of docker-compose.yml as containers."""

    def __init__(
        self, root: Path, environ: Mapping[str, str], report: Callable[[str], None] = lambda _: None
    ) -> None:
        """Read docker-compose.yml below ``root``; ``report`` takes a line per event."""
        self._root = root
        self._environ = dict(environ)
        self._compose = compose.load(root, environ, native=False)
        self._cli = DockerCli(root, environ)
        self._report = report

    @cached_property
    def client_environment(self) -> dict[str, str]:
        """Addresses and credentials for a client of the stack on this machine."""
        client = dict(self._compose.client)
        if not self._environ.get("SOURCE_DATABASE_URL"):
            # Without a password the database doesn't run: the client that connects reports it.
            password = self._cat("mysql", PASSWORD).strip()
            url = client["SOURCE_DATABASE_URL"]
            client["SOURCE_DATABASE_URL"] = with_password(url, password) if password else url
        if client["KAFKA_AUTH"] != "none":
            client |= self._kafka_files(client)
        return client

    def require(self, *variables: str) -> None:
        """Raise StackError if an address in ``variables`` doesn't belong to this stack."""
        found = self._compose.client_addresses
        needed = [found[variable] for variable in variables if variable in found]
        ours = {s.service: s.ports for s in self._statuses()} if needed else {}
        for address in needed:
            if address.port not in ours.get(address.service, ()):
                raise ports.not_ours(address)

    def runs(self) -> bool:
        """Whether a container of this stack runs."""
        return any(status.pid for status in self._statuses())

    def _kafka_files(self, client: Mapping[str, str]) -> dict[str, str]:
        """CA and password that the broker has generated for clients, copied out of its volume."""
        folder = self._copies("kafka_client")
        copies = {}
        for name in ("KAFKA_CA_FILE", "KAFKA_SCRAM_PASSWORD_FILE"):
            # Without a file the broker doesn't run: the client that connects reports it.
            copy = folder / Path(client[name]).name
            with open(copy, "w", encoding="utf-8", opener=run_folder.private) as file:
                file.write(self._cat("kafka", client[name]))
            copies[name] = str(copy)
        return copies

    def problems(self) -> list[Problem]:
        """The problems that prevent a start; empty if there is none."""
        facts = docker_machine.read_facts(self._environ)
        running = {s.service for s in self._statuses() if s.pid} if facts.answers else set()
        services = [s for s in self._compose.long_running() if s.name not in running]
        return docker_machine.problems(facts) + ports.problems(services)

    def up(self) -> None:
        """Build the images that have changed, start everything, wait until all is healthy.

        Raises:
            MachineError: there are problems; nothing was started.
            StartError: a service didn't become healthy; the others keep running.
        """
        found = self.problems()
        if found:
            raise MachineError(found)
        self._report("building the images that have changed")
        self._show("--profile", "*", "build", "--quiet")
        options = ("--detach", "--wait", "--wait-timeout", str(START_LIMIT))
        if self._cli.show("up", *options) != 0:
            raise StartError("\n".join(self.unhealthy()) or "docker compose up failed")

    def down(self, forget: bool = False) -> None:
        """Remove every container; with ``forget`` their data, too."""
        options = ["--volumes"] if forget else []
        self._show("--profile", "*", "down", "--remove-orphans", *options)

    def status(self) -> list[Status]:
        """State of each service, in the order of docker-compose.yml."""
        return self._statuses(memory=True)

    def unhealthy(self) -> list[str]:
        """A report on each service that isn't healthy, with the reason and its last log lines."""
        return [
            self._failure_report(status) for status in self._statuses() if not status.state.fine
        ]

    def print_log(self, service: str, follow: bool) -> None:
        """Copy the output of a service to stdout; with ``follow`` until Ctrl-C.

        Raises:
            StackError: the service has no container.
        """
        options = ["--follow"] if follow else []
        name = self._name(service)
        if not self._cli.compose("ps", "--all", "--quiet", name).strip():
            raise StackError(f"{name} has no container: start it with `pinpipe up`")
        self._cli.replace("logs", "--no-log-prefix", *options, name)

    def last_line(self, service: str) -> str:
        """Last line of a service's log; empty if there is none."""
        options = ("--no-log-prefix", "--tail", "1")
        return self._cli.compose("logs", *options, self._name(service), check=False).strip()

    def pid(self, service: str) -> int:
        """Process id, on the engine's machine, of a running service."""
        for status in self._statuses():
            if status.service == service and status.pid:
                return status.pid
        raise StackError(f"{service} isn't running")

    def kill(self, service: str) -> None:
        """End a service with SIGKILL, as a crash would; Docker doesn't restart it."""
        self._cli.compose("kill", "--signal", "SIGKILL", self._name(service))

    def start(self, service: str) -> None:
        """Start or restart one service and wait until it's healthy."""
        options = ("--detach", "--no-deps", "--wait", "--wait-timeout", str(START_LIMIT))
        if self._cli.show("up", *options, self._name(service)) != 0:
            raise StartError("\n".join(self.unhealthy()))

    def stop(self, service: str) -> None:
        """Stop one service and keep its data."""
        self._cli.compose("stop", self._name(service))

    def restart(self, *services: str) -> None:
        """Stop services in order and start them again, by default all; don't wait for health."""
        self._cli.compose("restart", *map(self._name, services))

    def one_shot(
        self, service: str, arguments: Sequence[str], extra: Mapping[str, str] | None = None
    ) -> OneShot:
        """The one-shot with ``arguments``, and with ``extra`` variables in its environment."""
        variables = [f"--env={key}={value}" for key, value in (extra or {}).items()]
        terminal = [] if sys.stdin.isatty() and sys.stdout.isatty() else ["--no-TTY"]
        container = f"{self._name(service)}-{uuid.uuid4().hex}"
        options = ["--rm", "--no-deps", "--name", container, *terminal, *variables]
        words = ("--progress", "quiet", "run", *options, service, *arguments)
        return OneShot(tuple(self._cli.command(*words)), self._root, self._environ, container)

    def read(self, service: str, path: str) -> str:
        """Text of a service's file, by its path below the run folder.

        Raises:
            StackError: the file doesn't exist, or the service doesn't run.
        """
        text = self._cat(self._name(service), f".run/{path}")
        if not text:
            raise StackError(f"{service} has no file .run/{path}, or doesn't run")
        return text

    def outbox(self) -> Path:
        """The emulator's outbox, copied out of its volume by the program that can read it."""
        options = ("--rm", "--no-deps", "--no-TTY", "--entrypoint", "python")
        copy = ("emulator", "-m", "emulator.delivery.outbox")
        content = self._cli.compose_bytes("--progress", "quiet", "run", *options, *copy)
        outbox = self._copies("emulator") / "outbox.db"
        outbox.write_bytes(content)
        return outbox

    def _copies(self, name: str) -> Path:
        """Folder on this machine for files that are copied out of containers."""
        run_dir = self._root / (self._environ.get("RUN_DIR") or ".run")
        run_folder.prepare(run_dir)
        folder = run_dir / "docker" / name
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700, exist_ok=True)
        return folder

    def _cat(self, service: str, path: str) -> str:
        """Text of a file in a service's container; empty without the file or the container."""
        return self._cli.compose("exec", "-T", service, "cat", path, check=False)

    def _name(self, service: str) -> str:
        return self._compose.service(service).name

    def _statuses(self, *, memory: bool = False) -> list[Status]:
        """State of each service; with ``memory`` also its memory, which takes two seconds."""
        ids = self._ids("--all")
        inspected = json.loads(self._cli.docker("inspect", *ids)) if ids else []
        found = {c["Config"]["Labels"]["com.docker.compose.service"]: c for c in inspected}
        usage = self._memory() if memory else {}
        services = [s for s in self._compose.services.values() if not s.profiles]
        return [_status(service, found.get(service.name), usage) for service in services]

    def _ids(self, *options: str) -> list[str]:
        return self._cli.compose("ps", "--quiet", "--no-trunc", *options).split()

    def _memory(self) -> dict[str, float]:
        """Memory of each running container in MiB, by its id."""
        ids = self._ids()
        if not ids:
            return {}
        options = ("--no-stream", "--no-trunc", "--format", "json")
        lines = map(json.loads, self._cli.docker("stats", *options, *ids).splitlines())
        return {line["ID"]: docker_machine.mebibytes(line["MemUsage"]) for line in lines}

    def _failure_report(self, status: Status) -> str:
        options = ("--no-log-prefix", "--tail", str(logs.LINES))
        tail = self._cli.compose("logs", *options, status.service, check=False).strip()
        return f"{status.service}: {status.state} {status.reason}\n--- last lines\n{tail}\n---"

    def _show(self, *arguments: str) -> None:
        code = self._cli.show(*arguments)
        if code != 0:
            raise StackError(f"`docker compose {' '.join(arguments)}` ended with {code}")


def _status(service: Service, container: Container | None, memory: Mapping[str, float]) -> Status:
    name = service.name
    if container is None:
        return Status(name, State.NOT_STARTED)
    state = container["State"]
    if state["Status"] == "running":
        verdict, reason = _health(state)
        ports = tuple(sorted(_published(container)))
        return Status(name, verdict, reason, state["Pid"], ports, memory.get(container["Id"]))
    if state["Status"] == "restarting":
        times, code = container["RestartCount"], state["ExitCode"]
        return Status(
            name, State.RESTARTING, f"restarts: {times}; the last process ended with {code}"
        )
    one_shot = service.healthcheck is None
    if one_shot and state["Status"] != "exited":
        return Status(name, State.NOT_STARTED, state["Status"])
    return Status.of_ended(name, state["ExitCode"] if one_shot else None, f"`pinpipe logs {name}`")


def _published(container: Container) -> set[int]:
    """Ports of this machine that a running container publishes."""
    bindings = container["NetworkSettings"]["Ports"] or {}
    return {int(binding["HostPort"]) for each in bindings.values() for binding in each or ()}


def _health(state: Mapping[str, Any]) -> tuple[State, str]:
    """Health of a running container, and the last line of its failed health check if any."""
    health = state.get("Health")
    if health is None:
        return State.RUNNING, ""
    if health["Status"] == "healthy":
        return State.HEALTHY, ""
    for entry in reversed(health.get("Log") or []):
        lines = entry["Output"].strip().splitlines()
        if entry["ExitCode"] != 0 and lines:
            return State.UNHEALTHY, lines[-1]
    return State.UNHEALTHY, str(health["Status"])

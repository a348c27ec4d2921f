"""How the containers of the project stand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from stack.compose import Service
from stack.docker_cli import DockerCli
from stack.docker_machine import mebibytes
from stack.status import State, Status

Container = Mapping[str, Any]
"""A container as ``docker inspect`` describes it."""


def look(cli: DockerCli, services: Iterable[Service], *, memory: bool = False) -> list[Status]:
    """Each service's state, in their order; with ``memory``, which takes the engine two seconds."""
    ids = _ids(cli, "--all")
    inspected: list[Container] = json.loads(cli.docker("inspect", *ids)) if ids else []
    found = {c["Config"]["Labels"]["com.docker.compose.service"]: c for c in inspected}
    taken = _memory(cli) if memory else {}
    return [_status(service, found.get(service.name), taken) for service in services]


def _ids(cli: DockerCli, *options: str) -> list[str]:
    return cli.compose("ps", "--quiet", "--no-trunc", *options).split()


def _memory(cli: DockerCli) -> dict[str, float]:
    """Mebibytes that each running container takes, by its id."""
    ids = _ids(cli)
    if not ids:
        return {}
    lines = cli.docker("stats", "--no-stream", "--no-trunc", "--format", "json", *ids).splitlines()
    return {line["ID"]: mebibytes(line["MemUsage"]) for line in map(json.loads, lines)}


def _status(service: Service, container: Container | None, memory: Mapping[str, float]) -> Status:
    name = service.name
    if container is None:
        return Status(name, State.NOT_STARTED)
    state = container["State"]
    if state["Status"] == "running":
        verdict, reason = _health(state)
        ports = tuple(sorted(_published(container)))
        return Status(name, verdict, reason, state["Pid"], ports, memory.get(container["Id"]))
    one_shot = service.healthcheck is None
    if one_shot and state["Status"] != "exited":
        return Status(name, State.NOT_STARTED, state["Status"])
    return Status.of_ended(name, state["ExitCode"] if one_shot else None, f"`pinpipe logs {name}`")


def _published(container: Container) -> set[int]:
    """Ports of this machine that lead to a running container."""
    bindings = container["NetworkSettings"]["Ports"] or {}
    return {int(binding["HostPort"]) for each in bindings.values() for binding in each or ()}


def _health(state: Mapping[str, Any]) -> tuple[State, str]:
    """Whether a running container is healthy, and what its last health check said if not."""
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

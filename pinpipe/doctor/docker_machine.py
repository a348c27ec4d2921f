"""Checks what the stack needs of Docker, before anything is started."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pinpipe.doctor.machine import MEASURED_MEMORY, MIN_MEMORY_GIB, Problem

MIN_COMPOSE = (2, 24)
"""First release with all features that docker-compose.yml uses."""
MIN_ENGINE = (25, 0)
"""First release whose health checks have ``start_interval``."""
SOCKET = "/var/run/docker.sock"
"""Default socket of an engine, unless DOCKER_HOST or a context names another."""
INSTALLED = ("/usr/sbin/dockerd", "/Applications/Docker.app", "/opt/docker-desktop")
"""Engines outside of PATH: Debian's program, and the folders of Docker Desktop."""
NATIVE = "set ENGINE=native to run the services as processes"
LIMIT = 20
"""Seconds until a response of the engine."""

_UNITS = {
    "B": 2**-20,
    "KiB": 2**-10,
    "MiB": 1.0,
    "GiB": 2**10,
    "kB": 1e3 / 2**20,
    "MB": 1e6 / 2**20,
}
"""Mebibytes of each unit that ``docker stats`` uses."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Versions and state of the engine and its client; None if unknown."""

    client: bool
    """Whether there is a ``docker`` command."""
    engine: str | None
    """Version of the engine."""
    compose: str | None
    """Version of the Compose plugin."""
    memory: int = 0
    """Bytes of memory that the engine's machine has."""
    set_up: str = ""
    """Evidence that an engine is set up, such as its socket; empty if there is none."""
    forbidden: bool = False
    """Whether this user may not open the engine's socket."""
    podman: bool = False
    """Whether the client or the engine is Podman."""

    @property
    def answers(self) -> bool:
        """Whether an engine responds and Compose is installed."""
        return self.engine is not None and self.compose is not None and not self.podman

    @property
    def absent(self) -> bool:
        """Whether no engine is set up here: at most a client is installed."""
        return self.engine is None and not self.set_up and not self.podman


def read_facts(environ: Mapping[str, str]) -> Facts:
    """Read versions and memory with the ``docker`` command."""
    if shutil.which("docker", path=environ.get("PATH")) is None:
        return Facts(client=False, engine=None, compose=None)
    info, refusal = _call(environ, "info", "--format", "{{json .}}")
    try:
        found: dict[str, Any] = json.loads(info or "{}")
    except ValueError as error:
        found, refusal = {}, f"`docker info` prints no JSON: {error}"
    engine = found.get("ServerVersion") or None
    client, _ = _call(environ, "--version")
    server, _ = _call(environ, "version", "--format", "{{json .Server}}") if engine else ("", "")
    compose, _ = _call(environ, "compose", "version", "--short")
    return Facts(
        client=True,
        engine=engine,
        compose=compose.strip() or None,
        memory=found.get("MemTotal", 0),
        set_up=_set_up(environ),
        forbidden="permission denied" in refusal,
        podman="podman" in f"{client} {server}".lower(),
    )


def _set_up(environ: Mapping[str, str]) -> str:
    """Evidence that an engine is set up: a variable, a context, a socket or a program."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
        if value := environ.get(name):
            return f"{name} is {value}"
    context = _call(environ, "context", "show")[0].strip()
    if context not in ("", "default"):
        return f"its context is {context}"
    daemon = shutil.which("dockerd", path=environ.get("PATH"))
    for path in (SOCKET, daemon, *INSTALLED):
        # The link to Docker Desktop's socket stays when the socket is removed.
        if path is not None and os.path.lexists(path):
            return f"{path} exists"
    return ""


def problems(facts: Facts) -> list[Problem]:
    """The problems that these facts show; empty if the stack can start."""
    if not facts.client:
        return [Problem("there is no docker command", f"install Docker, or {NATIVE}")]
    if facts.podman:
        what = "the docker command is Podman, which the stack is not tested with"
        return [Problem(what, f"use Docker, or {NATIVE}")]
    found = []
    if facts.compose is None:
        found.append(
            Problem("docker has no compose plugin", f"install Docker Compose 2.24, or {NATIVE}")
        )
    elif _version(facts.compose) < MIN_COMPOSE:
        remedy = "update Docker Compose to 2.24 or newer"
        found.append(Problem(f"Docker Compose is {facts.compose}", remedy))
    if facts.engine is None:
        found.append(_engine_problem(facts))
        return found
    if _version(facts.engine) < MIN_ENGINE:
        found.append(Problem(f"the Docker engine is {facts.engine}", "update it to 25 or newer"))
    gib = facts.memory / 2**30
    if gib < MIN_MEMORY_GIB:
        what = f"Docker has {gib:.2f} GiB of memory, not {MIN_MEMORY_GIB}"
        remedy = f"give it more, in Docker Desktop under Resources; {MEASURED_MEMORY}"
        found.append(Problem(what, remedy))
    return found


def _engine_problem(facts: Facts) -> Problem:
    """The problem with an engine that doesn't respond."""
    evidence = f" ({facts.set_up})" if facts.set_up else ""
    if facts.forbidden:
        what = f"this user may not use the Docker engine{evidence}"
        return Problem(what, f"add the user to the group docker and log in again, or {NATIVE}")
    return Problem(f"no Docker engine responds{evidence}", f"start Docker, or {NATIVE}")


def mebibytes(usage: str) -> float:
    """MiB in the memory column of ``docker stats``, such as ``265.1MiB / 2GiB``."""
    match = re.match(r"([\d.]+)\s*([A-Za-z]+)", usage)
    if match is None or match[2] not in _UNITS:
        return 0.0
    return round(float(match[1]) * _UNITS[match[2]], 1)


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _call(environ: Mapping[str, str], *arguments: str) -> tuple[str, str]:
    """Output of a ``docker`` command, and its error if it failed; each may be empty."""
    try:
        done = subprocess.run(
            ["docker", *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return (done.stdout, "") if done.returncode == 0 else ("", done.stderr.lower())

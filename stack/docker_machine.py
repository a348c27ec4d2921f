"""What a machine with Docker needs, asked before anything is started."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import Any

from stack.machine import MIN_MEMORY_GIB, Problem

MIN_COMPOSE = (2, 24)
"""Release that knows all that docker-compose.yml uses."""
MIN_ENGINE = (25, 0)
"""Release whose health checks know ``start_interval``."""
LIMIT = 20
"""Seconds that the engine may take to answer."""

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
    """What the engine and its client say of themselves; None for no answer."""

    client: bool
    """Whether there is a ``docker`` command."""
    engine: str | None
    """Version of the engine."""
    compose: str | None
    """Version of the Compose plugin."""
    memory: int = 0
    """Bytes of memory that the engine's machine has."""

    @property
    def answers(self) -> bool:
        """Whether there is an engine, and Compose to use it with."""
        return self.engine is not None and self.compose is not None


def ask() -> Facts:
    """Ask ``docker`` for its versions, and the engine for its memory."""
    info = _call("docker", "info", "--format", "{{json .}}")
    found: dict[str, Any] = json.loads(info) if info else {}
    version = _call("docker", "compose", "version", "--short")
    return Facts(
        client=shutil.which("docker") is not None,
        engine=found.get("ServerVersion") or None,
        compose=version.strip() if version else None,
        memory=found.get("MemTotal", 0),
    )


def lacking(facts: Facts) -> list[Problem]:
    """What of these facts is not as the stack needs it."""
    native = "or run the services as processes with ENGINE=native"
    if not facts.client:
        return [Problem("there is no docker command", f"install Docker, {native}")]
    found = []
    if facts.compose is None:
        found.append(Problem("docker has no compose plugin", f"install Compose 2.24, {native}"))
    elif _version(facts.compose) < MIN_COMPOSE:
        remedy = "update Docker Compose to 2.24 or newer"
        found.append(Problem(f"Docker Compose is {facts.compose}", remedy))
    if facts.engine is None:
        found.append(Problem("no Docker engine answers", f"start Docker, {native}"))
        return found
    if _version(facts.engine) < MIN_ENGINE:
        found.append(Problem(f"the Docker engine is {facts.engine}", "update it to 25 or newer"))
    gib = facts.memory / 2**30
    if gib < MIN_MEMORY_GIB:
        what = f"Docker has {gib:.1f} GiB of memory, not {MIN_MEMORY_GIB}"
        found.append(Problem(what, "give it more, in Docker Desktop under Resources"))
    return found


def mebibytes(usage: str) -> float:
    """Read what ``docker stats`` says of memory, such as ``265.1MiB / 2GiB``."""
    match = re.match(r"([\d.]+)\s*([A-Za-z]+)", usage)
    if match is None or match[2] not in _UNITS:
        return 0.0
    return round(float(match[1]) * _UNITS[match[2]], 1)


def _version(text: str) -> tuple[int, ...]:
    match = re.search(r"(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def _call(*command: str) -> str | None:
    """What a command prints; None when it isn't there, fails or doesn't end."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None

"""What runs the services: a Docker engine, or processes of this machine.

``ENGINE=docker|native`` forces it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from dotenv import dotenv_values

from contract.errors import SettingError
from pinpipe import proxy
from pinpipe.doctor import docker_machine
from pinpipe.engines import logins
from pinpipe.engines.docker import DockerEngine
from pinpipe.engines.native import NativeEngine
from pinpipe.errors import MachineError, StackError

Engine: TypeAlias = DockerEngine | NativeEngine
"""What `pinpipe` asks: both have the same methods."""
ENGINES: dict[str, type[Engine]] = {"docker": DockerEngine, "native": NativeEngine}


def project_root() -> Path:
    """The folder with docker-compose.yml."""
    return Path(__file__).resolve().parents[2]


def bypass_proxy() -> None:
    """Have this process, and what it starts, reach this machine through no proxy."""
    os.environ.update(proxy.without_loopback(environ(project_root())))


TARGETS = {"local": ".env", "aws": ".env.aws"}
"""File with the settings of each target."""


def environ(
    root: Path, given: Mapping[str, str] | None = None, target: str = "local"
) -> dict[str, str]:
    """The variables of the target's file, the environment's on top, as Docker Compose has it."""
    own = os.environ if given is None else given
    file = dotenv_values(root / TARGETS[target])
    return {k: v for k, v in file.items() if v is not None} | dict(own)


def chosen(
    root: Path, variables: Mapping[str, str], talk: Callable[[str], None] = lambda _: None
) -> str:
    """Name of the engine that runs the services: what ENGINE says, what runs them already, or can.

    Where an engine is set up, its silence is a problem and not a reason to run processes
    (docs/decisions/0001-one-list-of-services.md).

    Raises:
        SettingError: ENGINE names none.
        MachineError: a Docker engine is set up, and can't be used.
    """
    wanted = variables.get("ENGINE")
    if not wanted:
        wanted = "native" if NativeEngine(root, variables).runs() else _found(variables, talk)
    if wanted not in ENGINES:
        raise SettingError("ENGINE", wanted, f"it must be {' or '.join(ENGINES)}")
    return wanted


def _found(variables: Mapping[str, str], talk: Callable[[str], None]) -> str:
    facts = docker_machine.ask(variables)
    if facts.absent:
        if facts.client:
            talk("docker is installed without an engine: the services run as processes")
        return "native"
    if not facts.answers:
        raise MachineError(docker_machine.lacking(facts))
    return "docker"


def choose(talk: Callable[[str], None], given: Mapping[str, str] | None = None) -> Engine:
    """Return the engine that this machine's services run on.

    Raises:
        SettingError: ENGINE names none.
        MachineError: a Docker engine is set up, and can't be used.
    """
    root = project_root()
    variables = logins.added(root, environ(root, given))
    return ENGINES[chosen(root, variables)](root, variables, talk)


def secure(talk: Callable[[str], None], given: Mapping[str, str] | None = None) -> Engine:
    """Return the engine, and have Kafka's clients log in from now on, until `leave_logins`.

    Raises:
        StackError: the services run already, and their clients don't log in.
    """
    root = project_root()
    variables = logins.added(root, environ(root, given))
    if not logins.secure(variables):
        if choose(talk, given).runs():
            raise StackError("the stack runs without logins at Kafka: stop it with `pinpipe down`")
        logins.remember(root, variables)
    return choose(talk, given)


def leave_logins(given: Mapping[str, str] | None = None) -> None:
    """Have KAFKA_AUTH alone say how Kafka's clients log in."""
    root = project_root()
    logins.forget(root, environ(root, given))

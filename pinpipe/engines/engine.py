"""Chooses what runs the services: a Docker engine, or processes of this machine.

``ENGINE=docker|native`` overrides the choice.
"""

import io
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from contract.errors import SettingError
from pinpipe import proxy
from pinpipe.doctor import docker_machine
from pinpipe.engines import compose, logins
from pinpipe.engines.docker import DockerEngine
from pinpipe.engines.native import NativeEngine
from pinpipe.errors import MachineError, StackError

Engine: TypeAlias = DockerEngine | NativeEngine
"""Both engines have the same public methods."""
ENGINES: dict[str, type[Engine]] = {"docker": DockerEngine, "native": NativeEngine}


def project_root() -> Path:
    """The folder with docker-compose.yml."""
    return Path(__file__).resolve().parents[2]


def bypass_proxy() -> None:
    """Make this process and its children reach this machine without a proxy."""
    os.environ.update(proxy.without_loopback(environ(project_root())))


TARGETS = {"local": ".env", "aws": ".env.aws"}
"""File with the settings of each target."""


def environ(
    root: Path, given: Mapping[str, str] | None = None, target: str = "local"
) -> dict[str, str]:
    """The variables of the target's file; those of the environment override them, as in Compose."""
    own = os.environ if given is None else given
    return _of_file(root / TARGETS[target]) | dict(own)


def _of_file(path: Path) -> dict[str, str]:
    """The variables of a file, whose lines are ``NAME=value``.

    Raises:
        StackError: names the line that is none, sets a name again, or has a value of several lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"{path} can't be read: {error}") from error
    names: set[str] = set()
    for line in parse_stream(io.StringIO(text)):
        blank = line.original.string[: -len(line.original.string.lstrip()) or None]
        number = line.original.line + blank.count("\n")
        problem = ""
        if line.error or (line.key and line.value is None):
            problem = "it is no NAME=value, or a quote has no end"
        elif line.key and not re.fullmatch(r"[A-Za-z_]\w*", line.key, re.ASCII):
            problem = f"{line.key!r:.100} is no name of a variable"
        elif line.key in names:
            problem = f"it sets {line.key} again"
        elif "\0" in (line.value or "") or "\n" in (line.value or ""):
            problem = f"the value of {line.key} has a line break or a zero byte"
        if problem:
            raise StackError(f"{path}, line {number}: {problem}")
        names |= {line.key} if line.key else set()
    return {k: v for k, v in dotenv_values(stream=io.StringIO(text)).items() if v is not None}


def chosen(
    root: Path, variables: Mapping[str, str], report: Callable[[str], None] = lambda _: None
) -> str:
    """Name of the engine: that of ENGINE, else the one with running services, else a usable one.

    A Docker engine that is set up but doesn't respond is a problem, not a reason to run processes
    (docs/decisions/0001-one-list-of-services.md).

    Raises:
        SettingError: ENGINE names no engine.
        MachineError: a Docker engine is set up but can't be used.
    """
    name = variables.get("ENGINE")
    if not name:
        name = "native" if NativeEngine(root, variables).runs() else _usable(variables, report)
    if name not in ENGINES:
        raise SettingError("ENGINE", name, f"it must be {' or '.join(ENGINES)}")
    return name


def _usable(variables: Mapping[str, str], report: Callable[[str], None]) -> str:
    facts = docker_machine.read_facts(variables)
    if facts.absent:
        if facts.client:
            report("docker is installed without an engine: the services run as processes")
        return "native"
    if not facts.answers:
        raise MachineError(docker_machine.problems(facts))
    return "docker"


def choose(report: Callable[[str], None], given: Mapping[str, str] | None = None) -> Engine:
    """Return the engine that runs the services of this checkout.

    Raises:
        SettingError: ENGINE names no engine.
        MachineError: a Docker engine is set up but can't be used.
    """
    root = project_root()
    variables = logins.added(root, environ(root, given))
    return ENGINES[chosen(root, variables)](root, variables, report)


def for_help(service: str) -> Engine:
    """Return the engine that prints the help of a one-shot: none is needed if it is installed."""
    root = project_root()
    variables = environ(root)
    path = compose.load(root, variables).service(service).path
    if path and (root / path).is_dir():
        return NativeEngine(root, variables)
    return choose(lambda line: None)


def secure(report: Callable[[str], None], given: Mapping[str, str] | None = None) -> Engine:
    """Return the engine, and require a login at Kafka from now on, until `leave_logins`.

    Raises:
        StackError: the services already run without logins.
    """
    root = project_root()
    variables = logins.added(root, environ(root, given))
    if not logins.secure(variables):
        if choose(report, given).runs():
            raise StackError("the stack runs without logins at Kafka: stop it with `pinpipe down`")
        logins.remember(root, variables)
    return choose(report, given)


def leave_logins(given: Mapping[str, str] | None = None) -> None:
    """End the effect of `secure`: KAFKA_AUTH alone says how Kafka's clients log in."""
    root = project_root()
    logins.forget(root, environ(root, given))

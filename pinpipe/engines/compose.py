"""docker-compose.yml as typed values: the one list of services, in order.

With Docker, Compose reads the file itself and this module only gives a client on this machine the
addresses of the services. Without Docker it also reads the part that a process needs. Addresses of
services become addresses on 127.0.0.1 (see the head of docker-compose.yml).
"""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from contract.errors import SettingError
from pinpipe.errors import ComposeError

FILE = "docker-compose.yml"
_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?P<default>:-)?)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
STOP_LIMIT = 10.0
"""Seconds between SIGTERM and SIGKILL for a service without ``stop_grace_period``."""
_ABSENT = "\0"
"""Stands for the address of a service that is not started; no variable can contain it."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """The health check of a service; times in seconds."""

    command: tuple[str, ...]
    timeout: float
    start_limit: float
    """Longest time until the service is healthy: start period and all retries."""
    grace: float
    """Time of failed checks until the service counts as unhealthy: all retries."""
    interval: float
    """Time between two checks during the start."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of docker-compose.yml, with addresses of this machine."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    ports: Mapping[int, int]
    """Port in the container to port on the host."""
    needs: tuple[str, ...]
    """Services that must be healthy or completed first."""
    healthcheck: Healthcheck | None
    profiles: tuple[str, ...]
    path: str | None
    """Folder that is first on PATH, relative to the project's root."""
    programs: tuple[str, ...]
    """Programs of which the process needs one."""
    skip: str | None
    """Why there is no process; None if there is one."""
    stop_limit: float = STOP_LIMIT
    """Seconds between SIGTERM and SIGKILL."""


@dataclass(frozen=True, slots=True)
class Address:
    """Address of a service for a client on this machine."""

    service: str
    port: int
    """Port of the host."""


@dataclass(frozen=True, slots=True)
class Compose:
    """The services, in the order of the file."""

    services: Mapping[str, Service]
    client: Mapping[str, str] = field(default_factory=dict)
    """Environment of a client of the stack on this machine (``x-client``)."""
    client_addresses: Mapping[str, Address] = field(default_factory=dict)
    """Address in each variable of ``client``, without those that a person has set."""

    def service(self, name: str) -> Service:
        """Return the service called ``name``, or raise ComposeError."""
        try:
            return self.services[name]
        except KeyError:
            raise ComposeError(
                f"{FILE} has no service {name!r}; it has {', '.join(self.services)}"
            ) from None

    def long_running(self) -> list[Service]:
        """The services that ``up`` starts, each after the services that it needs."""
        chosen = {n: s for n, s in self.services.items() if not s.profiles and not s.skip}
        graph = {n: [need for need in s.needs if need in chosen] for n, s in chosen.items()}
        try:
            return [chosen[name] for name in TopologicalSorter(graph).static_order()]
        except CycleError as error:
            raise ComposeError(f"{FILE}: services wait for each other: {error.args[1]}") from error


def load(root: Path, environ: Mapping[str, str], *, native: bool = True) -> Compose:
    """Read docker-compose.yml below ``root``, its variables taken from ``environ``.

    Args:
        root: folder of the file.
        environ: values of the file's variables.
        native: whether the services are processes, which ``x-native`` applies to.

    Raises:
        ComposeError: the file has something that a process can't use.
    """
    text = yaml.safe_load((root / FILE).read_text())
    skipped: set[str] = set()
    if native:
        skipped = {n for n, body in text["services"].items() if _is_skipped(root, body, environ)}
        for name in skipped:
            without = _interpolate(text["services"][name]["x-native"].get("without", {}), environ)
            environ = {**without, **{k: v for k, v in environ.items() if v}}
    raw: dict[str, dict[str, Any]] = text["services"]
    client: dict[str, Any] = text.get("x-client", {})
    if not native:
        for body in (client, *raw.values()):
            body.pop("x-native", None)
    ports = {name: _ports(name, body, environ) for name, body in raw.items()}

    def environment(name: str, body: Mapping[str, Any]) -> dict[str, str]:
        return _environment(body, name, ports, skipped, environ)

    services = {
        name: _service(
            name,
            _interpolate(body, environ),
            environment(name, body),
            ports[name],
            name in skipped,
        )
        for name, body in raw.items()
    }
    # A variable that a person has set isn't an address of this stack.
    ours = _interpolate(client, {k: "set" for k, v in environ.items() if v})
    addresses = {
        variable: Address(found["host"], ports[found["host"]][int(found["port"])])
        for variable, value in _merged(ours).items()
        if (found := _address(ports).search(value))
    }
    return Compose(services, environment("", client), addresses)


def variables(root: Path) -> set[str]:
    """Names of the variables in docker-compose.yml."""
    return {match["name"] for match in _VARIABLE.finditer((root / FILE).read_text())}


def to_loopback(value: str, own: str, ports: Mapping[str, Mapping[int, int]]) -> str:
    """Rewrite ``<service>:<port>`` and ``0.0.0.0:<port>`` to addresses on 127.0.0.1.

    >>> to_loopback("http://kafka:9092", "", {"kafka": {9092: 19092}})
    'http://127.0.0.1:19092'
    """

    def replace(match: re.Match[str]) -> str:
        host, port = match["host"], int(match["port"])
        published = ports.get(own if host == "0.0.0.0" else host, {})
        return f"127.0.0.1:{published.get(port, port)}"

    return _address(ports).sub(replace, value)


def _address(services: Iterable[str]) -> re.Pattern[str]:
    names = "|".join(re.escape(name) for name in sorted(services, key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])(?P<host>{names}|0\.0\.0\.0):(?P<port>\d+)")


def _interpolate(
    node: Any, environ: Mapping[str, str], literal: Callable[[str], str] = lambda text: text
) -> Any:
    """Fill in the variables of all texts in ``node``; ``literal`` changes the text around them."""
    if isinstance(node, dict):
        return {key: _interpolate(value, environ, literal) for key, value in node.items()}
    if isinstance(node, list):
        return [_interpolate(value, environ, literal) for value in node]
    if not isinstance(node, str):
        return node

    text, rest = _expand(node, environ, literal, nested=False)
    return text + rest


def _expand(
    text: str, environ: Mapping[str, str], literal: Callable[[str], str], nested: bool
) -> tuple[str, str]:
    """Replace ``${NAME}`` and ``${NAME:-default}``, also inside of a default.

    Returns the text up to the brace that closes the surrounding default, and the rest.
    """
    done = ""
    while True:
        match = _VARIABLE.search(text)
        close = text.find("}") if nested else -1
        if close >= 0 and (match is None or close < match.start()):
            return done + literal(text[:close]), text[close + 1 :]
        if match is None:
            return done + literal(text), ""
        done, text = done + literal(text[: match.start()]), text[match.end() :]
        if match["dollar"]:
            done += "$"
            continue
        default = ""
        if match["default"]:
            default, text = _expand(text, environ, literal, nested=True)
        elif text.startswith("}"):
            text = text[1:]
        else:
            raise ComposeError(f"{FILE}: only ${{NAME}} and ${{NAME:-default}} are read: {text!r}")
        done += environ.get(match["name"]) or default


def _ports(name: str, body: Mapping[str, Any], environ: Mapping[str, str]) -> dict[int, int]:
    found: dict[int, int] = {}
    for entry in map(str, body.get("ports", ())):
        host, _, rest = entry.partition(":")
        outside, separator, inside = rest.rpartition(":")
        if host != "127.0.0.1" or not separator:
            raise ComposeError(f"{FILE}: {name} publishes {entry!r}, not on 127.0.0.1")
        found[int(inside)] = _port(outside, environ)
    native = body.get("x-native", {}).get("ports", {})
    return found | {int(inside): _port(outside, environ) for inside, outside in native.items()}


def _port(text: str, environ: Mapping[str, str]) -> int:
    """The port that a text of the file names, mostly by a variable.

    Raises:
        SettingError: the variable has a value that is no port.
    """
    value = _interpolate(text, environ)
    if re.fullmatch("[0-9]{1,5}", value) and 0 < int(value) < 2**16:
        return int(value)
    variable = _VARIABLE.search(text)
    reason = "a port is a number from 1 to 65535"
    raise SettingError(variable["name"] if variable else FILE, value, reason)


def _is_skipped(root: Path, body: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    native = body.get("x-native", {})
    path = os.pathsep.join([str(root / native.get("path", "")), environ.get("PATH", os.defpath)])
    installed = any(shutil.which(program, path=path) for program in native.get("programs", ()))
    return "skip" in native and not installed


def _environment(
    body: Mapping[str, Any],
    name: str,
    ports: Mapping[str, Mapping[int, int]],
    skipped: Collection[str],
    environ: Mapping[str, str],
) -> dict[str, str]:
    """The variables of a service with addresses of this machine.

    Only the text of the file has addresses of services: the value of a variable may look like one
    (a password, say), and stays as it is.
    """

    def rewrite(text: str) -> str:
        found = _address(ports).search(text)
        return _ABSENT if found and found["host"] in skipped else to_loopback(text, name, ports)

    values = _interpolate(_merged(body), environ, rewrite)
    return {key: "" if _ABSENT in value else value for key, value in values.items()}


def _merged(body: Mapping[str, Any]) -> dict[str, str]:
    merged = {**body.get("environment", {}), **body.get("x-native", {}).get("environment", {})}
    return {key: "" if value is None else str(value) for key, value in merged.items()}


def _service(
    name: str,
    body: Mapping[str, Any],
    environment: dict[str, str],
    ports: Mapping[int, int],
    skipped: bool,
) -> Service:
    native = body.get("x-native", {})
    return Service(
        name=name,
        command=(*body.get("entrypoint", ()), *body.get("command", ())),
        environment=environment,
        ports=ports,
        needs=tuple(body.get("depends_on", ())),
        healthcheck=_healthcheck(name, body["healthcheck"]) if "healthcheck" in body else None,
        profiles=tuple(body.get("profiles", ())),
        path=native.get("path"),
        programs=tuple(native.get("programs", ())),
        skip=native["skip"] if skipped else None,
        stop_limit=_seconds(name, body.get("stop_grace_period", f"{STOP_LIMIT}s")),
    )


def _healthcheck(name: str, body: Mapping[str, Any]) -> Healthcheck:
    kind, *command = body["test"]
    if kind != "CMD":
        raise ComposeError(f"{FILE}: health check of {name} is {kind}, not CMD")
    grace = int(body["retries"]) * _seconds(name, body["interval"])
    return Healthcheck(
        command=tuple(command),
        timeout=_seconds(name, body["timeout"]),
        start_limit=_seconds(name, body["start_period"]) + grace,
        grace=grace,
        interval=_seconds(name, body["start_interval"]),
    )


def _seconds(name: str, duration: str) -> float:
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ComposeError(f"{FILE}: {name} has a duration {duration!r} that can't be read")
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)

"""What every tier shares: a clean environment, and the running stack on ports of its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contract.settings import Settings

if TYPE_CHECKING:
    from stack.native import NativeEngine

ROOT = Path(__file__).resolve().parent.parent

PORTS = (
    "LOCALSTACK_PORT",
    "LOCALSTACK_KINESIS_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "REST_PROXY_PORT",
    "CONNECT_PORT",
)
"""Variables of the ports that the stack listens on."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, so that neither a person's stack nor another run is in the way.

    They are below those that the system hands out to clients: one stays free while a service that
    was killed is started again.
    """
    from stack import ports  # not at the top: the environment of the Spark tests lacks psutil

    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 12_000):
        if ports.holder(port) is None:
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"fewer than {count} ports from 20000 to 31999 are free")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches a test."""
    for item in fields(Settings):
        monkeypatch.delenv(item.metadata["variable"], raising=False)


@dataclass(frozen=True)
class Stack:
    """The running stack, as the tests use it. Services are named as in docker-compose.yml."""

    engine: NativeEngine
    settings: Settings
    """Addresses as a client on this machine sees them."""
    environment: dict[str, str]
    """The same as variables, with AWS_ENDPOINT_URL and credentials for boto3 and subprocesses."""
    variables: dict[str, str]
    """What pinpipe itself runs with: ports and run folder."""

    def pid(self, service: str) -> int:
        """Process id of a running service."""
        return self.engine.pid(service)

    def kill(self, service: str) -> None:
        """SIGKILL to the process group of a service."""
        self.engine.kill(service)

    def start(self, service: str) -> None:
        """Start a service (again) and wait until it's healthy or has completed."""
        self.engine.start(service)

    def stop(self, service: str) -> None:
        """Stop a service in good order."""
        self.engine.stop(service)

    def run(
        self,
        service: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a one-shot with ``arguments`` and ``environment`` on top of its own; capture it."""
        done = subprocess.run(
            self.engine.command(service, arguments),
            cwd=ROOT,
            env=self.engine.environment(service, environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            pytest.fail(f"{service} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def spawn(
        self, service: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a one-shot in a process group of its own; its output is in pipes."""
        return subprocess.Popen(
            self.engine.command(service, arguments),
            cwd=ROOT,
            env=self.engine.environment(service, environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pinpipe(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``pinpipe`` as a person would, on this stack."""
        return subprocess.run(
            [sys.executable, "-m", "stack.cli", *arguments],
            cwd=ROOT,
            env={**self.variables, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Every service healthy, with data, ports and a folder of this session's own."""
    from stack.native import NativeEngine

    folder = tmp_path_factory.mktemp("stack")
    variables = {k: v for k, v in os.environ.items() if k not in _SETTINGS}
    own = zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)
    variables |= {**dict(own), "RUN_DIR": str(folder)}
    engine = NativeEngine(ROOT, variables)
    try:
        engine.up()
        client = engine.client_environment
        yield Stack(engine, Settings.from_environ(client), client, variables)
    finally:
        engine.down(forget=True)


_SETTINGS = {item.metadata["variable"] for item in fields(Settings)} | {"AWS_ENDPOINT_URL"}

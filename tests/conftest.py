"""Fixtures of every tier: a clean environment, and a running stack on ports of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest

from contract.names import END_TO_END
from contract.settings import PARSERS, Settings
from hops.access import Access
from pinpipe.proxy import without_loopback
from tests.support import ROOT
from tests.support.ports import free_ports
from tests.support.waiting import wait_for

if TYPE_CHECKING:
    from pinpipe.engines.engine import Engine
    from tests.support.airflow import Airflow
    from tests.support.engine import Engine as KinesisEngine

PORTS = sorted(set(re.findall(r"\b[A-Z_]+_PORT\b", (ROOT / "docker-compose.yml").read_text())))
"""Variables of the ports that the stack listens on."""


OF_ACCOUNTS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "DATABRICKS_HOST",
    "DATABRICKS_TOKEN",
)
"""Variables of accounts that a person's shell may have."""
MARKER = f"AKIA{uuid.uuid4().hex[:16].upper()}"
"""Value of these variables in the stack tests; it must not reach any service."""

ONLY = {"processes": "native", "once": "native", "containers": "docker"}
"""Markers of tests for one engine only; pyproject.toml says why."""

PERSON = pytest.StashKey[dict[str, str]]()
"""The environment of the person who runs the tests; tests get it through a target only."""
RUN = pytest.StashKey[str]()
"""Suffix of this run's user id (tests/e2e): ``END_TO_END`` and 8 hex digits."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches a test."""
    for variable in PARSERS:
        monkeypatch.delenv(variable, raising=False)


@dataclass(frozen=True)
class Stack:
    """The running stack; services have their names of docker-compose.yml."""

    engine: Engine
    settings: Settings
    """Settings of a client on this machine."""
    environment: dict[str, str]
    """The same as variables, with AWS_ENDPOINT_URL and credentials."""
    variables: dict[str, str]
    """Environment of pinpipe, with ports and run folder."""

    def pid(self, service: str) -> int:
        """Process id of a running service."""
        return self.engine.pid(service)

    def kill(self, service: str) -> None:
        """Send SIGKILL to the process group of a service, which stays ended until it is started."""
        self.engine.kill(service)

    def start(self, service: str) -> None:
        """Start or restart a service and wait until it's healthy or has completed."""
        self.engine.start(service)

    def stop(self, service: str) -> None:
        """Stop a service with SIGTERM."""
        self.engine.stop(service)

    def restart(self, *services: str) -> None:
        """Restart services, by default all, and wait until the whole stack is healthy again."""
        self.engine.restart(*services)
        wait_for(
            "the stack to be healthy",
            lambda: all(status.state.fine for status in self.engine.status()),
            400,  # on a busy machine Spark's start takes minutes
            1,
            lambda: "\n".join(self.engine.unhealthy()),
        )

    def sink_states(self) -> set[str]:
        """States of the S3 sink and its tasks."""
        from hops import connect
        from services.connect.config import connector_name
        from services.connect.rest import Worker

        worker = Worker(self.settings.connect_url, connect.password(self.engine))
        status = worker.status(connector_name(self.settings))
        return {part["state"] for part in (status["connector"], *status["tasks"])}

    def run(
        self, service: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a one-shot with ``arguments`` and more ``environment``; capture its output."""
        program = self.engine.one_shot(service, arguments, environment)
        done = subprocess.run(
            program.command,
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode != 0:
            pytest.fail(f"{service} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def spawn(
        self,
        service: str,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stderr: int | TextIO = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a one-shot in a process group of its own; its output is in pipes."""
        program = self.engine.one_shot(service, arguments, environment)
        return subprocess.Popen(
            program.command,
            cwd=program.folder,
            env=dict(program.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )

    def terminate(self, service: str, process: subprocess.Popen[str]) -> None:
        """Send SIGTERM to a one-shot that ``spawn`` started."""
        if self.variables["ENGINE"] == "native":
            process.terminate()
            return
        # Not to `docker compose run`, which would end and leave the container running.
        command = ("docker", "kill", "--signal", "TERM", *self.containers(service))
        subprocess.run(command, check=True)

    def containers(self, service: str, *options: str) -> list[str]:
        """Ids of a service's running containers; with ``--all`` of all."""
        project = f"label=com.docker.compose.project={self.variables['COMPOSE_PROJECT_NAME']}"
        filters = ("--filter", project, "--filter", f"label=com.docker.compose.service={service}")
        command = ("docker", "ps", "--quiet", *options, *filters)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.split()

    def pinpipe(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run ``pinpipe`` on this stack."""
        variables = {**self.variables, **(environment or {})}
        return pinpipe(variables, *arguments, timeout=timeout, check=False)


def pinpipe(
    variables: Mapping[str, str],
    *arguments: str,
    timeout: float = 300,
    folder: Path = ROOT,
    module: str = "pinpipe.cli",
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run ``pinpipe`` of a checkout with ``variables`` as its environment; capture its output."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    if check and done.returncode != 0:
        pytest.fail(f"pinpipe {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
    return done


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=("docker", "native"),
        help="engine of the stack tests and drills (default: the one that pinpipe chooses)",
    )
    parser.addoption(
        "--kills",
        type=int,
        default=5,
        help="how often the drills of the streaming pipeline kill their job (default: %(default)s)",
    )
    parser.addoption(
        "--fuzz",
        type=int,
        default=1000,
        help="requests of each test that tries many of them (default: %(default)s)",
    )
    parser.addoption(
        "--target",
        choices=("local", "aws"),
        default="local",
        help="target of the end-to-end tests: a stack that the session starts (default), or the "
        "deployment of .env.aws and the environment",
    )


def pytest_configure(config: pytest.Config) -> None:
    os.environ.update(without_loopback(os.environ))
    config.stash[PERSON] = dict(os.environ)
    config.stash[RUN] = f"{END_TO_END}{uuid.uuid4().hex[:8]}"


def pytest_report_header(config: pytest.Config) -> str | None:
    if config.getoption("--target") == "local":
        return None
    return f"target: aws; names of this run have {config.stash[RUN]} after the user id"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--target") == "aws":
        for item in items:
            if "stack" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip("starts a stack: --target local runs it"))
        return
    marked = [(item, mark) for item in items for mark in ONLY if item.get_closest_marker(mark)]
    if not marked:
        return
    name = engine_name(config)
    for item, mark in marked:
        if ONLY[mark] != name:
            item.add_marker(pytest.mark.skip(f"marked {mark}: ENGINE={ONLY[mark]} runs it"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last log lines of unhealthy services to the report of a failed test."""
    report = yield
    used = getattr(item, "funcargs", {}).get("stack")
    if report.failed and used is not None:
        report.sections += [("unhealthy service", text) for text in used.engine.unhealthy()]
    return report


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A healthy stack with data, ports and a run folder of this session only."""
    with own_stack(pytestconfig, tmp_path_factory.mktemp("stack")) as (engine, variables):
        if variables["ENGINE"] == "docker":
            _start_containers(engine, variables)
        else:
            engine.up()
        client = engine.client_environment
        yield Stack(engine, Settings.from_environ(client), client, variables)


@pytest.fixture(scope="session")
def access(stack: Stack) -> Access:
    """Clients of the stack."""
    return Access(stack.environment)


@pytest.fixture
def own_variables(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a stack of the test only, not started, which is removed at the end."""
    with own_stack(pytestconfig, tmp_path / "run") as (_, variables):
        yield variables


@pytest.fixture
def engine() -> Iterator[KinesisEngine]:
    """A Kinesis engine of the test's own."""
    from tests.support.engine import Engine as KinesisEngine

    with KinesisEngine() as started:
        yield started


@pytest.fixture(scope="session")
def airflow(stack: Stack, access: Access) -> Airflow:
    """The DAG in the stack's Airflow."""
    from tests.support.airflow import Airflow

    return Airflow.of(stack.engine, access)


def engine_name(config: pytest.Config) -> str:
    """Name of the engine: ``docker`` or ``native``."""
    from pinpipe.engines.engine import chosen
    from pinpipe.errors import MachineError

    try:
        return config.getoption("--engine") or chosen(ROOT, os.environ)
    except MachineError as error:
        raise pytest.UsageError(str(error)) from None


@contextmanager
def own_stack(config: pytest.Config, folder: Path) -> Iterator[tuple[Engine, dict[str, str]]]:
    """A stack of the tests, not started, and the variables that pinpipe runs it with.

    It has free ports, no setting of the person who runs the tests, and marked keys
    (tests/stack/test_own_keys.py). It is removed at the end.
    """
    from pinpipe.engines.docker_cli import DockerCli
    from pinpipe.engines.engine import ENGINES

    name = engine_name(config)
    variables = {k: v for k, v in os.environ.items() if k not in PARSERS}
    variables |= zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)
    variables |= dict.fromkeys(OF_ACCOUNTS, MARKER)
    variables |= {"RUN_DIR": str(folder), "ENGINE": name}
    variables["COMPOSE_PROJECT_NAME"] = f"pinterest-test-{uuid.uuid4().hex[:8]}"
    engine = ENGINES[name](ROOT, variables)
    try:
        yield engine, variables
    finally:
        engine.down(forget=True)
        if name == "docker":
            DockerCli(ROOT, variables).compose("--profile", "*", "down", "--rmi", "all")


def _start_containers(engine: Engine, variables: Mapping[str, str]) -> None:
    """Start the containers of the unchanged docker-compose.yml."""
    from testcontainers.compose import DockerCompose

    own = Path(variables["RUN_DIR"], "compose.env")
    given = (*PORTS, "COMPOSE_PROJECT_NAME", "RUN_DIR", *OF_ACCOUNTS)
    own.write_text("".join(f"{name}={variables[name]}\n" for name in given))
    compose = DockerCompose(ROOT, "docker-compose.yml", build=True, env_file=str(own))
    try:
        compose.start()
    except subprocess.CalledProcessError as error:
        output = error.stderr.decode(errors="replace")
        pytest.fail("\n".join([f"docker compose up failed: {output}", *engine.unhealthy()]))

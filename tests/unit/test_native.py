"""The process runner, with real processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack.errors import MachineError, StartError
from stack.native import NativeEngine
from stack.status import State
from stack.waiting import wait_for

FILE = """
x-healthcheck: &healthcheck
  {{interval: 100ms, timeout: 5s, retries: 1, start_period: 10s, start_interval: 50ms}}
services:
  first:
    entrypoint: [run.sh, once]
  server:
    entrypoint: [run.sh, serve]
    environment: {{LISTEN: "0.0.0.0:80"}}
    ports: ["127.0.0.1:{port}:80"]
    depends_on: {{first: {{condition: service_completed_successfully}}}}
    healthcheck: {{<<: *healthcheck, test: [CMD, health.sh]}}
  last:
    entrypoint: [run.sh, once]
    depends_on: {{server: {{condition: service_healthy}}}}
"""

RUN = """#!/usr/bin/env python3
import os, socket, subprocess, sys
print("started", sys.argv[1], flush=True)
if sys.argv[1] == "once":
    sys.exit(int(os.environ.get("ONCE_CODE", 0)))
host, port = os.environ["LISTEN"].split(":")
server = socket.create_server((host, int(port)))
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
while True:
    server.accept()
"""

HEALTH = """#!/usr/bin/env python3
import os, socket, sys
host, port = os.environ["LISTEN"].split(":")
try:
    socket.create_connection((host, int(port)), 1).close()
except OSError as error:
    sys.exit(f"nobody listens: {error}")
"""


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path, port: int) -> Path:
    root = tmp_path / "a project"  # with a space, as a user's folder may have
    root.mkdir()
    (root / "docker-compose.yml").write_text(FILE.format(port=port))
    for name, text in (("run.sh", RUN), ("health.sh", HEALTH)):
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    return root


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def engine(project: Path, lines: list[str]) -> Iterator[NativeEngine]:
    made = NativeEngine(project, {"PATH": os.environ["PATH"]}, lines.append)
    yield made
    made.down()


def states(engine: NativeEngine) -> dict[str, State]:
    return {status.service: status.state for status in engine.status()}


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_starts_in_order_and_down_leaves_nothing(
    engine: NativeEngine, lines: list[str], port: int
) -> None:
    assert set(states(engine).values()) == {State.NOT_STARTED}
    engine.up()
    assert states(engine) == {
        "first": State.COMPLETED,
        "server": State.HEALTHY,
        "last": State.COMPLETED,
    }
    order = [line for line in lines if not line.endswith("starting")]
    assert order == ["first: completed", "server: healthy", "last: completed"]
    family = psutil.Process(engine.pid("server"))
    children = family.children()
    assert len(children) == 1
    assert listening(port)
    engine.down()
    assert not listening(port)
    assert not family.is_running()
    assert not children[0].is_running()
    assert set(states(engine).values()) == {State.NOT_STARTED}


def test_up_again_leaves_a_healthy_service_alone(engine: NativeEngine) -> None:
    engine.up()
    pid = engine.pid("server")
    engine.up()
    assert engine.pid("server") == pid


def test_another_engine_finds_what_the_first_started(engine: NativeEngine, project: Path) -> None:
    engine.up()
    again = NativeEngine(project, {"PATH": os.environ["PATH"]})
    assert again.pid("server") == engine.pid("server")
    again.down()
    assert states(engine)["server"] is State.NOT_STARTED


def test_a_killed_service_is_seen_and_started_again(engine: NativeEngine) -> None:
    engine.up()
    child = psutil.Process(engine.pid("server")).children()[0]
    engine.kill("server")
    assert states(engine)["server"] is State.ENDED
    wait_for("the child to be gone", lambda: not child.is_running(), 5)
    engine.start("server")
    assert states(engine)["server"] is State.HEALTHY


def test_orphans_of_a_service_that_died_are_stopped(engine: NativeEngine) -> None:
    engine.up()
    leader = psutil.Process(engine.pid("server"))
    child = leader.children()[0]
    leader.kill()
    wait_for("the leader to be gone", lambda: states(engine)["server"] is State.ENDED, 5)
    assert child.is_running()
    engine.down()
    assert not child.is_running()


def test_a_failed_step_is_named_with_its_log(project: Path, lines: list[str]) -> None:
    engine = NativeEngine(project, {"PATH": os.environ["PATH"], "ONCE_CODE": "3"}, lines.append)
    with pytest.raises(StartError, match=r"(?s)first: ended with 3.*started once"):
        engine.up()
    found = {status.service: status for status in engine.status()}
    assert found["first"].state is State.FAILED
    assert found["first"].reason == "ended with 3"
    assert found["server"].state is State.NOT_STARTED


def test_a_taken_port_is_named_before_anything_starts(engine: NativeEngine, port: int) -> None:
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(MachineError, match=rf"server needs port {port}, which .*pid {os.getpid()}"),
    ):
        engine.up()
    assert set(states(engine).values()) == {State.NOT_STARTED}


def test_a_service_that_ends_is_not_waited_for(project: Path) -> None:
    (project / "run.sh").write_text(RUN.replace("server = ", "sys.exit(7)\nserver = "))
    engine = NativeEngine(project, {"PATH": os.environ["PATH"]})
    with pytest.raises(StartError, match="server: ended with 7"):
        engine.up()


def test_an_unhealthy_service_is_named_with_the_reason(project: Path) -> None:
    text = (project / "docker-compose.yml").read_text().replace("10s", "300ms")
    (project / "docker-compose.yml").write_text(text)
    (project / "health.sh").write_text(HEALTH.replace("int(port)", "1"))
    engine = NativeEngine(project, {"PATH": os.environ["PATH"]})
    try:
        with pytest.raises(StartError, match=r"waited .* for server to be healthy: nobody listens"):
            engine.up()
    finally:
        engine.down()

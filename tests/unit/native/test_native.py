"""The engine for processes, with real processes."""

import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pinpipe.doctor.finding import Finding
from pinpipe.engines import run_folder
from pinpipe.engines.native import NativeEngine
from pinpipe.engines.status import State
from pinpipe.errors import MachineError, StackError, StartError
from tests.support.native import HEALTH, RUN, listening, states
from tests.support.waiting import wait_for


def test_up_starts_in_order_and_down_leaves_nothing(
    engine: NativeEngine, lines: list[str], port: int
) -> None:
    assert set(states(engine).values()) == {State.NOT_STARTED}
    engine.up()
    assert states(engine) == {
        "first": State.COMPLETED,
        "server": State.HEALTHY,
        "last": State.COMPLETED,
        "supervisor": State.HEALTHY,
    }
    order = [line for line in lines if not line.endswith("starting")]
    assert order == ["first: completed", "server: healthy", "last: completed"]
    assert engine.last_line("first") == "started once"
    family = psutil.Process(engine.pid("server"))
    children = family.children()
    assert len(children) == 1
    assert listening(port)
    engine.down()
    assert not listening(port)
    assert not family.is_running()
    assert not children[0].is_running()
    assert set(states(engine).values()) == {State.NOT_STARTED}


def test_down_removes_only_data_of_the_stack(engine: NativeEngine, project: Path) -> None:
    data = project / ".run/data"
    engine.up()
    (data / "server").mkdir()
    engine.down(forget=True)
    assert not data.exists()
    # As an earlier version has left it: without the marker, but with locks in the folder state.
    (data / "server").mkdir(parents=True)
    engine.down(forget=True)
    assert not data.exists()


def test_a_job_that_ran_before_the_first_start_is_no_obstacle(
    engine: NativeEngine, project: Path
) -> None:
    scratch = project / ".run/data/spark/scratch-1"  # as spark/run.sh makes it
    scratch.mkdir(parents=True)
    engine.down(forget=True)
    assert not scratch.exists()


def test_the_data_of_somebody_else_is_neither_used_nor_removed(
    engine: NativeEngine, project: Path
) -> None:
    letter = project / ".run/data/letter"
    letter.parent.mkdir(parents=True)
    letter.write_text("mine")
    for command in (engine.up, lambda: engine.down(forget=True)):
        with pytest.raises(StackError, match=r"data has files that are not the stack's"):
            command()
    assert set(states(engine).values()) == {State.NOT_STARTED}
    assert letter.read_text() == "mine"

    elsewhere = project / "elsewhere"
    letter.parent.rename(elsewhere)
    (project / ".run/data").symlink_to(elsewhere)
    (elsewhere / run_folder.MARKER).touch()
    engine.down(forget=True)
    assert not elsewhere.exists()
    assert not (project / ".run/data").is_symlink()


def test_up_does_not_restart_a_healthy_service_and_another_engine_finds_it(
    engine: NativeEngine, project: Path
) -> None:
    engine.up()
    pid = engine.pid("server")
    engine.up()
    again = NativeEngine(project, {"PATH": os.environ["PATH"]})
    assert again.pid("server") == engine.pid("server") == pid
    again.down()
    assert states(engine)["server"] is State.NOT_STARTED


def test_a_step_runs_again_only_when_its_inputs_have_changed(
    engine: NativeEngine, project: Path, lines: list[str]
) -> None:
    def steps(engine: NativeEngine) -> dict[str, str]:
        lines.clear()
        engine.up()
        found = (line.split(": ") for line in lines if not line.endswith("starting"))
        return {name: what for name, what in found if name != "server"}

    assert steps(engine) == {"first": "completed", "last": "completed"}
    assert steps(engine) == {"first": "completed before", "last": "completed before"}
    other = NativeEngine(project, {"PATH": os.environ["PATH"], "DAY": "tuesday"}, lines.append)
    assert steps(other) == {"first": "completed before", "last": "completed"}
    engine.kill("server")
    assert steps(other) == {"first": "completed", "last": "completed"}
    (project / "run.sh").write_text(RUN + "# changed\n")
    assert steps(other) == {"first": "completed", "last": "completed"}
    engine.start("last")
    assert lines[-1] == "last: completed"
    other.down()


def test_a_killed_service_has_ended_and_can_be_started_again(engine: NativeEngine) -> None:
    engine.up()
    child = psutil.Process(engine.pid("server")).children()[0]
    engine.kill("server")
    assert states(engine)["server"] is State.ENDED
    wait_for("the child to be gone", lambda: not child.is_running(), 5)
    engine.start("server")
    assert states(engine)["server"] is State.HEALTHY


def test_a_failed_step_is_named_with_its_log(project: Path, lines: list[str]) -> None:
    engine = NativeEngine(project, {"PATH": os.environ["PATH"], "ONCE_CODE": "3"}, lines.append)
    with pytest.raises(StartError, match=r"(?s)first: ended with 3.*started once"):
        engine.up()
    found = {status.service: status for status in engine.status()}
    engine.down()
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
    assert states(engine)["server"] is State.ENDED
    engine.down()


def test_an_unhealthy_service_is_named_with_the_reason(project: Path) -> None:
    text = (project / "docker-compose.yml").read_text().replace("40s", "300ms")
    (project / "docker-compose.yml").write_text(text)
    (project / "health.sh").write_text(HEALTH.replace("int(port)", "1"))
    engine = NativeEngine(project, {"PATH": os.environ["PATH"]})
    try:
        with pytest.raises(StartError, match=r"waited .* for server to be healthy: nobody listens"):
            engine.up()
    finally:
        engine.down()


def test_up_waits_for_a_service_that_another_up_has_started(
    engine: NativeEngine, project: Path
) -> None:
    (project / "not yet").touch()
    lines: list[str] = []
    second = NativeEngine(project, {"PATH": os.environ["PATH"]}, lines.append)
    with ThreadPoolExecutor(2) as pool:
        starting = pool.submit(engine.up)
        wait_for("the start", lambda: states(engine)["server"] is State.UNHEALTHY, 10, 0.02)
        pid = engine.pid("server")
        again = pool.submit(second.up)
        wait_for("the second call to wait", lambda: any("not healthy yet" in x for x in lines), 10)
        (project / "not yet").unlink()
        again.result(20)
        starting.result(20)
    assert engine.pid("server") == pid
    assert "server: already healthy" in lines


def test_a_service_that_recovers_keeps_running_and_one_that_does_not_is_restarted(
    engine: NativeEngine, project: Path, lines: list[str]
) -> None:
    engine.up()
    pid = engine.pid("server")
    unhealthy = project / "unhealthy"
    unhealthy.touch()
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(engine.start, "server")
        wait_for("it to wait", lambda: any("it is unhealthy" in line for line in lines), 10, 0.02)
        unhealthy.unlink()
        again.result(20)
    assert engine.pid("server") == pid

    text = (project / "docker-compose.yml").read_text().replace("40s", "200ms")
    (project / "docker-compose.yml").write_text(text)
    unhealthy.touch()
    impatient = NativeEngine(project, {"PATH": os.environ["PATH"]}, lines.append)
    with pytest.raises(StartError, match="it is unhealthy"):
        impatient.start("server")
    assert impatient.pid("server") != pid
    assert any("not healthy after 0 s (it is unhealthy)" in line for line in lines)
    impatient.down()


def rewrite(project: Path, service: str, **more: object) -> Path:
    """Write the record of a service with other fields, as another release does."""
    path = project / f".run/state/{service}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"service": service, **more}))
    return path


def test_down_ends_processes_of_an_older_release(engine: NativeEngine, project: Path) -> None:
    engine.up()
    process = psutil.Process(engine.pid("server"))
    # The clock was set back by a second, which changes the start that the system reports.
    rewrite(project, "server", pid=process.pid, created=process.create_time() + 1, exit_code=None)
    (project / ".run/data/kept").write_text("data")
    assert states(engine)["server"] is State.HEALTHY
    engine.down()
    assert not process.is_running()
    engine.up()
    assert (project / ".run/data/kept").read_text() == "data"


def test_a_process_with_another_start_is_not_stopped(engine: NativeEngine, project: Path) -> None:
    own = psutil.Process()
    rewrite(project, "server", pid=own.pid, place="", started="1")
    rewrite(project, "first", pid=own.pid, created=own.create_time())  # leads no session
    assert states(engine)["server"] is State.ENDED
    engine.down()
    assert own.is_running()


def test_down_ends_a_service_that_the_compose_file_no_longer_has(
    engine: NativeEngine, project: Path, lines: list[str]
) -> None:
    engine.up()
    process = psutil.Process(engine.pid("server"))
    state = project / ".run/state"
    (state / "server.json").rename(state / "renamed.json")
    unreadable = {"empty": "", "list": "[]", "pidless": '{"service": "first"}'}
    values = ("-5", "0", "true", '"7"', "1e30", "999999999999999999999")
    unreadable |= {f"pid{n}": f'{{"pid": {value}}}' for n, value in enumerate(values)}
    unreadable |= {"created": f'{{"pid": {os.getpid()}, "created": null}}'}
    unreadable |= {"started": f'{{"pid": {os.getpid()}, "started": 7}}'}
    for name, text in unreadable.items():
        (state / f"{name}.json").write_text(text)
    (left,) = [status for status in engine.status() if status.service == "renamed"]
    assert (left.state, left.pid) == (State.LEFT_OVER, process.pid)
    assert any("renamed: left over" in text for text in engine.unhealthy())
    engine.down()
    assert not process.is_running()
    assert list(state.glob("*.json")) == []
    for name in unreadable:
        assert any(line.startswith(f"{name}: its record in .run/state") for line in lines)


LACKING = """
  lacking:
    entrypoint: [run.sh, serve]
    healthcheck: {<<: *healthcheck, test: [CMD, health.sh]}
    x-native: {programs: [no-such-program], skip: "no-such-program is not installed"}
"""


def test_a_service_whose_program_is_not_installed_is_named_and_left_out(
    project: Path, lines: list[str]
) -> None:
    with (project / "docker-compose.yml").open("a") as file:
        file.write(LACKING)
    engine = NativeEngine(project, {"PATH": os.environ["PATH"]}, lines.append)
    engine.up()
    assert lines[0] == "lacking: no-such-program is not installed"
    assert states(engine)["lacking"] is State.SKIPPED
    (finding,) = [each for each in engine.problems() if isinstance(each, Finding)]
    assert finding.fine
    assert str(finding) == lines[0]
    engine.down()


CLIENT = """
x-client:
  environment:
    SERVER_URL: http://server:80
    OWN_URL: ${OWN_URL:-http://server:80}
    PLAIN: value
"""


def test_a_client_address_must_belong_to_this_stack(
    engine: NativeEngine, project: Path, port: int, tmp_path: Path
) -> None:
    with (project / "docker-compose.yml").open("a") as file:
        file.write(CLIENT)
    variables = {"PATH": os.environ["PATH"]}
    own = NativeEngine(project, variables)
    with pytest.raises(
        StackError, match=r"^server of this stack does not listen on port \d+: start it"
    ):
        own.require("SERVER_URL")
    engine.up()
    own.require("SERVER_URL", "PLAIN", "OWN_URL")
    # Another checkout, or another run folder, with the same ports.
    other = NativeEngine(project, {**variables, "RUN_DIR": str(tmp_path / "other")})
    pid = engine.pid("server")
    taken = rf"on port {port}; .* \(pid {pid}\) does, for another stack: choose other ports"
    with pytest.raises(StackError, match=taken):
        other.require("PLAIN", "SERVER_URL")
    person = {**variables, "RUN_DIR": str(tmp_path / "other"), "OWN_URL": "http://server:80"}
    NativeEngine(project, person).require(
        "OWN_URL"
    )  # an address that a person has set isn't checked


def test_two_calls_at_once_start_each_service_once(
    engine: NativeEngine, project: Path, port: int
) -> None:
    second = NativeEngine(project, {"PATH": os.environ["PATH"]})
    with ThreadPoolExecutor(2) as pool:
        for call in [pool.submit(engine.up), pool.submit(second.up)]:
            call.result(30)
    assert (project / ".run/logs/server.log").read_text().count("started serve") == 1
    for each in (engine, second):  # each collects the processes that it has started
        each.down()
    assert not listening(port)

"""The supervisor, with real processes that are killed."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pinpipe.engines import logs
from pinpipe.engines.native import NativeEngine
from pinpipe.engines.status import State, Status
from tests.support.native import listening, states
from tests.support.waiting import wait_for

AFTER = """
  after:
    entrypoint: [run.sh, serve]
    environment: {{LISTEN: "0.0.0.0:81"}}
    ports: ["127.0.0.1:{port}:81"]
    depends_on: {{server: {{condition: service_healthy}}}}
    healthcheck: {{<<: *healthcheck, test: [CMD, health.sh]}}
"""

pytestmark = pytest.mark.slow

LIMIT = 120
"""Seconds for what takes a second on an idle machine: each process starts a Python."""


def status(engine: NativeEngine, service: str = "server") -> Status:
    return next(status for status in engine.status() if status.service == service)


def log(project: Path, service: str = "supervisor") -> str:
    return (project / f".run/logs/{service}.log").read_text()


def kill(pid: int) -> None:
    psutil.Process(pid).kill()


def wait_for_restart(engine: NativeEngine, number: int) -> None:
    def restarted() -> bool:
        found = status(engine)
        return found.state is State.HEALTHY and f"restarts: {number};" in found.reason

    wait_for(f"restart {number}", restarted, LIMIT, state=lambda: str(status(engine)))


def test_a_service_that_was_killed_runs_again_and_so_do_the_steps_behind_it(
    engine: NativeEngine, project: Path
) -> None:
    engine.up()
    assert status(engine).reason == ""
    pid = engine.pid("server")
    child = psutil.Process(pid).children()[0]
    kill(pid)
    wait_for_restart(engine, 1)
    assert status(engine).reason == "restarts: 1; the last process ended by signal 9 (Killed)"
    assert engine.pid("server") != pid
    assert not child.is_running()
    wait_for("the step behind it", lambda: log(project, "last").count("started once") == 2, LIMIT)
    wait_for("its end", lambda: states(engine)["last"] is State.COMPLETED, LIMIT)
    assert log(project, "first").count("started once") == 1
    assert "server: ended by signal 9 (Killed), starts again in 0.5 s" in log(project)


def test_a_service_that_ends_at_once_is_started_after_longer_and_longer_delays(
    engine: NativeEngine, project: Path
) -> None:
    engine.up()
    (project / "broken").touch()
    kill(engine.pid("server"))
    wait_for("three restarts", lambda: "starts again in 4 s" in log(project), LIMIT)
    reason = r"restarts: \d; the last process ended with 1: it is broken"

    def waits() -> bool:
        found = status(engine)
        return found.state is State.RESTARTING and bool(re.fullmatch(reason, found.reason))

    wait_for("the state", waits, LIMIT, state=lambda: str(status(engine)))
    delays = [line.split(" in ")[1] for line in log(project).splitlines() if "again in" in line]
    assert delays[:4] == ["0.5 s", "1 s", "2 s", "4 s"]
    (project / "broken").unlink()
    engine.up()
    assert status(engine).state is State.HEALTHY


def test_a_step_that_fails_after_a_restart_is_run_again(
    engine: NativeEngine, project: Path
) -> None:
    engine.up()
    (project / ".run/failing steps").touch()
    kill(engine.pid("server"))
    wait_for("two attempts", lambda: log(project).count("last: ended with 5") == 2, LIMIT)
    assert states(engine)["last"] is State.FAILED
    (project / ".run/failing steps").unlink()
    wait_for("a third one", lambda: states(engine)["last"] is State.COMPLETED, LIMIT)


@pytest.mark.parametrize("end", [NativeEngine.stop, NativeEngine.kill])
def test_a_service_that_is_stopped_stays_so(
    engine: NativeEngine, project: Path, end: Callable[[NativeEngine, str], None]
) -> None:
    engine.up()
    end(engine, "server")

    def noted() -> bool:
        record = json.loads((project / ".run/state/server.json").read_text())
        return record["exit_code"] is not None

    wait_for("the supervisor to note the end", noted, LIMIT)
    assert status(engine).state is State.ENDED
    assert "starts again" not in log(project)


def test_a_frozen_service_keeps_running(engine: NativeEngine, project: Path) -> None:
    engine.up()
    process = psutil.Process(engine.pid("server"))
    process.suspend()
    wait_for("it to stop", lambda: process.status() == psutil.STATUS_STOPPED, LIMIT)
    (project / "unhealthy").touch()
    assert status(engine).state is State.UNHEALTHY
    process.resume()
    (project / "unhealthy").unlink()
    assert status(engine).state is State.HEALTHY
    assert engine.pid("server") == process.pid
    assert "again" not in log(project)


def test_services_outlive_their_supervisor_and_the_next_one_finds_them(
    engine: NativeEngine, project: Path
) -> None:
    engine.up()
    pid, first = engine.pid("server"), status(engine, "supervisor").pid
    assert first is not None
    kill(first)
    found = wait_for("its end", lambda: status(engine, "supervisor").pid is None, LIMIT)
    assert found
    assert status(engine, "supervisor").reason == "`pinpipe up` starts it again"
    assert not status(engine, "supervisor").state.fine
    assert (status(engine).state, engine.pid("server")) == (State.HEALTHY, pid)
    engine.up()
    assert status(engine, "supervisor").state is State.HEALTHY
    assert engine.pid("server") == pid
    child = psutil.Process(pid).children()[0]
    kill(pid)
    wait_for_restart(engine, 1)
    assert status(engine).reason == "restarts: 1; the last process ended"
    assert not child.is_running()


def test_a_process_of_a_release_without_a_supervisor_is_taken_over(
    engine: NativeEngine, project: Path
) -> None:
    engine.up()
    pid = engine.pid("server")
    (project / ".run/state/kept/server.json").unlink()
    engine.up()
    assert engine.pid("server") == pid
    kill(pid)
    wait_for_restart(engine, 1)


def test_a_pid_that_another_program_has_now_is_not_touched(
    engine: NativeEngine, project: Path, port: int
) -> None:
    engine.up()
    supervisor = status(engine, "supervisor").pid
    assert supervisor is not None
    kill(supervisor)
    os.killpg(engine.pid("server"), signal.SIGKILL)
    wait_for("the end of both", lambda: not listening(port), LIMIT)
    wait_for("the end of both", lambda: status(engine, "supervisor").pid is None, LIMIT)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        record = project / ".run/state/server.json"
        record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": other.pid}))
        engine.up()
        assert engine.pid("server") != other.pid
        assert other.poll() is None
        other.kill()


def test_sigterm_to_the_supervisor_ends_the_services_in_order(
    engine: NativeEngine, project: Path, port: int
) -> None:
    with (
        (project / "docker-compose.yml").open("a") as file,
        socket.create_server(("127.0.0.1", 0)) as free,
    ):
        file.write(AFTER.format(port=free.getsockname()[1]))
    with_after = NativeEngine(project, {"PATH": os.environ["PATH"]})
    with_after.up()
    supervisor = status(with_after, "supervisor").pid
    assert supervisor is not None
    psutil.Process(supervisor).terminate()
    ended = dict.fromkeys(states(with_after), State.NOT_STARTED)
    wait_for("the end of all", lambda: states(with_after) == ended, LIMIT)
    assert not listening(port)
    stopping = [line.split()[1] for line in log(project).splitlines() if "stopping" in line]
    assert stopping == ["after:", "server:"]


def test_a_run_folder_has_one_supervisor(engine: NativeEngine, project: Path) -> None:
    engine.up()
    run_dir = project / ".run"
    command = [sys.executable, "-m", "pinpipe.engines.supervisor", str(run_dir)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"another supervisor has {run_dir}\n")
    assert log(project).count("server: started") == 1


def test_down_ends_a_supervisor_that_is_frozen(
    engine: NativeEngine, monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    monkeypatch.setattr("pinpipe.engines.native.SUPERVISOR_LIMIT", 0.2)
    engine.up()
    supervisor = status(engine, "supervisor").pid
    assert supervisor is not None
    os.kill(supervisor, signal.SIGSTOP)
    wait_for("it to stop", lambda: not status(engine, "supervisor").state.fine, LIMIT)
    assert status(engine, "supervisor").reason == "it is suspended"
    engine.down()
    assert set(states(engine).values()) == {State.NOT_STARTED}
    assert not listening(port)


def test_the_supervisor_rotates_logs(engine: NativeEngine, project: Path) -> None:
    engine.up()
    with (project / ".run/logs/server.log").open("ab") as file:
        file.write(b"x" * logs.BYTES)
    engine.restart()
    rotated = project / ".run/logs/server.log.1"
    wait_for("the rotation", rotated.exists, LIMIT)
    assert rotated.stat().st_size > logs.BYTES
    assert rotated.stat().st_mode & 0o777 == 0o600
    kill(engine.pid("server"))  # the next process writes into the new file
    wait_for("a line", lambda: "started serve" in log(project, "server"), LIMIT)


def test_no_key_of_an_account_is_stored(project: Path, lines: list[str]) -> None:
    variables = {"PATH": os.environ["PATH"], "DAY": "friday", "AWS_SECRET_ACCESS_KEY": "marked"}
    engine = NativeEngine(project, variables, lines.append)
    engine.up()
    files = [path for path in (project / ".run").rglob("*") if path.is_file()]
    assert [path for path in files if b"marked" in path.read_bytes()] == []
    assert json.loads((project / ".run/state/settings").read_text())["DAY"] == "friday"
    supervisor = status(engine, "supervisor").pid
    assert "AWS_SECRET_ACCESS_KEY" not in psutil.Process(supervisor).environ()
    engine.down()
    left = [path.name for path in (project / ".run/state").rglob("*") if path.is_file()]
    assert [name for name in left if not name.endswith(".lock")] == []


def test_the_supervisor_imports_little() -> None:
    code = "import sys, pinpipe.engines.supervisor; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"yaml", "click", "requests", "asyncio"} & set(done.stdout.split()) == set()

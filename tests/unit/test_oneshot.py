"""One-shots: signals reach the process, and its exit code is that of ``pinpipe``."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import json, os, signal, sys
def stop(number, frame):
    print(json.dumps({"signal": signal.Signals(number).name}), flush=True)
    sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, stop)
print(os.getpid(), os.getcwd(), os.environ["MARK"], file=sys.stderr, flush=True)
while True:
    signal.pause()
"""

CALLER = """
import os, sys
from pathlib import Path
from pinpipe.engines.oneshot import OneShot
how = OneShot((sys.executable, "-c", sys.argv[2]), Path("/"), {**os.environ, "MARK": "given"})
sys.exit(how.foreground() if sys.argv[1] == "foreground" else how.answer())
"""


def start(call: str, first: str = "") -> tuple[subprocess.Popen[str], int]:
    """Run a one-shot, ``first`` before it; return its caller and the program's pid."""
    caller = subprocess.Popen(
        [sys.executable, "-c", first + CALLER, call, PROGRAM],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert caller.stderr is not None
    pid, folder, mark = caller.stderr.readline().split()
    assert (folder, mark) == ("/", "given")
    return caller, int(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_reaches_the_program_and_its_exit_code_is_returned(number: signal.Signals) -> None:
    caller, pid = start("foreground")
    assert pid == caller.pid
    caller.send_signal(number)
    stdout, _ = caller.communicate(timeout=20)
    assert caller.returncode == 7
    assert number.name in stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_program_whose_answer_is_awaited(number: signal.Signals) -> None:
    caller, pid = start("answer")
    assert pid != caller.pid
    assert os.getpgid(pid) != os.getpgid(caller.pid)
    caller.send_signal(number)
    caller.communicate(timeout=20)
    assert caller.returncode == 128 + number
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_signal_that_comes_before_the_program_reaches_it() -> None:
    early = (
        "import os, signal, subprocess\n"
        "popen = subprocess.Popen\n"
        "def late(*arguments, **options):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return popen(*arguments, **options)\n"
        "subprocess.Popen = late\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", early + CALLER, "answer", "import signal; signal.pause()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 128 + signal.SIGTERM, done.stderr


def test_a_hang_up_that_the_caller_ignores_stays_ignored() -> None:
    caller, _ = start("answer", "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n")
    caller.send_signal(signal.SIGHUP)
    caller.send_signal(signal.SIGTERM)
    caller.communicate(timeout=20)
    assert caller.returncode == 128 + signal.SIGTERM


def test_the_signal_of_a_container_goes_to_the_engine_that_runs_it(tmp_path: Path) -> None:
    """``docker`` gets the variables of the project, such as a DOCKER_HOST in .env."""
    docker = tmp_path / "docker"
    docker.write_text('#!/usr/bin/env bash\necho "$DOCKER_HOST $PWD $*" >>"$CALLS"\n')
    docker.chmod(0o755)
    client = tmp_path / "client"
    client.write_text('#!/usr/bin/env bash\necho $$ >"$PIDS"\nexec sleep 60\n')
    client.chmod(0o755)
    calls, pids = tmp_path / "calls", tmp_path / "pids"
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pinpipe.engines.oneshot import OneShot\n"
        "folder = Path(sys.argv[1])\n"
        "own = dict(arg.split('=', 1) for arg in sys.argv[2:])\n"
        "sys.exit(OneShot((str(folder / 'client'),), folder, own, 'the-container').foreground())\n"
    )
    path = f"{tmp_path}:{os.environ['PATH']}"
    own = [f"PATH={path}", "DOCKER_HOST=tcp://build:2375", f"CALLS={calls}", f"PIDS={pids}"]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path), *own],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
    ) as caller:
        wait_for("the client", lambda: pids.exists() and pids.read_text().strip())
        caller.send_signal(signal.SIGTERM)
        call = wait_for("the call of docker", lambda: calls.exists() and calls.read_text())
        os.kill(int(pids.read_text()), signal.SIGTERM)
        caller.wait(20)
    assert call == f"tcp://build:2375 {tmp_path} kill --signal=SIGTERM the-container\n"

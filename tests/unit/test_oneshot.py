"""Programs that ``pinpipe`` runs: signals reach the real process, and its code returns."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
from stack.oneshot import OneShot
how = OneShot((sys.executable, "-c", sys.argv[2]), Path("/"), {**os.environ, "MARK": "given"})
sys.exit(how.foreground() if sys.argv[1] == "foreground" else how.answer())
"""


def start(call: str) -> tuple[subprocess.Popen[str], int]:
    """Run a one-shot; return its caller and the program's pid."""
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, call, PROGRAM],
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
def test_a_signal_reaches_the_program_and_its_code_comes_back(number: signal.Signals) -> None:
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

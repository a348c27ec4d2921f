"""The lock owner of real processes: the test itself, a running one, and a killed one."""

import os
import subprocess
import sys
from dataclasses import replace

from spark.pipeline.delta.lock_owner import LockOwner


def test_a_process_has_gone_only_after_it_was_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = LockOwner.of(process.pid)
        assert not owner.has_gone()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.has_gone()  # it has ended, but its exit code was not collected
    assert owner.has_gone()


def test_a_process_with_our_pid_before_a_container_restart_has_gone() -> None:
    own = LockOwner.of(os.getpid())
    assert not own.has_gone()
    assert replace(own, started="1").has_gone()


def test_a_process_in_another_place_never_counts_as_gone() -> None:
    """The host name does not matter: containers with the host's network share it."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        gone = LockOwner.of(process.pid)
    assert gone.has_gone()
    for place in ("another kernel or pid namespace", ""):
        assert not replace(gone, place=place).has_gone()
        assert not replace(LockOwner.of(os.getpid()), place=place, started="1").has_gone()


def test_a_lock_reads_as_it_was_written() -> None:
    own = LockOwner.of(os.getpid())
    assert LockOwner.read(own.write(renewed=1)) == own
    assert str(own) == f"the run with pid {os.getpid()} on {own.host}"
    # The lock of another release lacks fields, so it is not taken over at once.
    older = LockOwner.read(b'{"run": "r", "host": "h", "pid": 1, "more": 2}')
    assert (str(older), older.has_gone()) == ("the run with pid 1 on h", False)
    assert str(LockOwner()) == "another run"


def test_what_is_no_lock_has_no_owner() -> None:
    for document in (b"", b"\xff", b"7", b"null", b"[]", b"{}", b'{"run":1}', b'{"pid":"1"}'):
        assert LockOwner.read(document) == LockOwner()

"""Who holds a lock, told by real processes: one that asks, one that lives, one that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

from spark.pipeline.delta.lock_owner import LockOwner


def test_a_process_has_gone_when_it_is_killed_and_not_before() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        owner = LockOwner.of(process.pid)
        assert not owner.has_gone()
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert owner.has_gone()  # ended, but nobody has asked for its exit code
    assert owner.has_gone()


def test_an_earlier_life_of_a_container_had_our_pid_and_has_gone() -> None:
    own = LockOwner.of(os.getpid())
    assert not own.has_gone()
    assert replace(own, started="1").has_gone()


def test_of_a_process_in_another_place_nothing_is_known() -> None:
    """A killed container's host name is another; one with the host's network shares it."""
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
    # What other releases wrote says too little to be taken over at once.
    older = LockOwner.read(b'{"run": "r", "host": "h", "pid": 1, "more": 2}')
    assert (str(older), older.has_gone()) == ("the run with pid 1 on h", False)
    assert str(LockOwner()) == "another run"

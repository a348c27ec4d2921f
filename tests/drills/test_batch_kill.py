"""The batch job is killed, doubled and suspended in the middle of a merge: the tables are right."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.drills.batch_lake import ONE_BY_ONE, Lake

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(900)]


@pytest.fixture
def lake(stack: Any) -> Iterator[Lake]:
    made = Lake(stack)
    try:
        made.fill()
        yield made
    finally:
        made.close()


def test_kill_9_in_a_merge_then_again(lake: Lake) -> None:
    killed = lake.start(environment=ONE_BY_ONE)
    written = lake.suspend_in_a_merge(killed)
    killed.signal(signal.SIGKILL)
    assert killed.end()[0] == -signal.SIGKILL
    assert lake.uncommitted() == written

    code, _, said = lake.start().end()
    assert (code, said) == (0, "")  # nor has it waited for the lock of a process that has gone
    assert lake.uncommitted() == written  # litter, of which no reader knows
    lake.check()
    versions = lake.versions()
    assert lake.start().end()[0] == 0
    assert lake.versions() == versions


def test_kill_9_of_its_python_alone(lake: Lake) -> None:
    """The JVM is an orphan for a moment, and may still commit what it was about to."""
    killed = lake.start(environment=ONE_BY_ONE)
    lake.suspend_in_a_merge(killed)
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.process.wait(10)
    again = lake.start()
    killed.signal(signal.SIGCONT)
    assert killed.end()[0] == -signal.SIGKILL
    code, _, said = again.end()
    if code != 0:  # the orphan was quicker with a commit: the next run finds it there
        assert "DELTA_CONCURRENT" in said
        assert lake.start().end()[0] == 0
    lake.check()


def test_two_at_once(lake: Lake) -> None:
    jobs = [lake.start(), lake.start()]
    ends = [job.end() for job in jobs]
    assert [code for code, _, _ in ends] == [0, 0]
    first = 0 if ends[1][2] else 1
    assert ends[first][2] == ""
    other = f"waiting for the run with pid {jobs[first].process.pid} on "
    assert ends[1 - first][2].startswith(other)
    lake.check()


def test_a_suspended_run_that_wakes_up_changes_nothing(lake: Lake) -> None:
    suspended = lake.start(environment=ONE_BY_ONE)
    lake.suspend_in_a_merge(suspended)
    holder = f"the run with pid {suspended.process.pid} on "
    code, _, said = lake.start("--wait", "1").end()
    assert code == 1
    assert f"{holder}" in said
    assert "still writes the tables" in said

    code, _, said = lake.start().end()  # waits until the lock is 30 s old, and takes it over
    assert code == 0, said
    assert said.startswith(f"waiting for {holder}")
    lake.check()
    versions = lake.versions()

    suspended.signal(signal.SIGCONT)
    code, out, said = suspended.end()
    assert (code, out) == (1, "")
    assert "run_batch: reading new objects failed: [DELTA_CONCURRENT_APPEND" in said
    assert lake.versions() == versions
    lake.check()

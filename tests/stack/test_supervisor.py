"""Services of the stack are killed behind its back, as a crash ends them: it comes back."""

import os
import signal

import pytest

from contract.entities import ENTITIES
from hops import tables
from hops.access import Access
from tests.conftest import Stack
from tests.support import pipelines
from tests.support.waiting import wait_for

KILLED = ("mysql", "localstack", "kafka", "connect", "rest-proxy", "stream", "databricks")
FIRST, POSTS = 3100, 20
"""Draws that no other test sends."""


@pytest.mark.processes
@pytest.mark.timeout(900)
def test_services_that_are_killed_run_again_without_a_command(stack: Stack, access: Access) -> None:
    before = {status.service: status for status in stack.engine.status()}
    killed = {name: before[name].pid for name in (*KILLED, "airflow-scheduler")}
    for pid in killed.values():
        if pid is not None:  # MySQL is not installed everywhere
            os.killpg(pid, signal.SIGKILL)

    def missing() -> list[str]:
        """Services that are not healthy as another process than before."""
        return [
            f"{status.service} {status.state} {status.reason}"
            for status in stack.engine.status()
            if not status.state.fine
            or (status.pid is not None and status.pid == killed.get(status.service))
        ]

    wait_for("the stack", lambda: missing() == [], 400, 1, lambda: "\n".join(missing()))
    assert stack.pinpipe("status").returncode == 0
    keys = pipelines.send(stack, access, FIRST, POSTS)
    stack.run("emulator-streaming", "--start", str(FIRST), "--count", str(POSTS), "--rate", "max")
    for entity in ENTITIES:
        wait_for(
            f"the posts in the table of {entity.name}",
            lambda entity=entity: keys <= set(tables.keys(access, entity, "streaming")),
            240,
            1,
        )
    begun = stack.pinpipe("up")
    assert begun.returncode == 0, begun.stderr
    assert "starting" not in begun.stderr

"""Services are restarted under a running emulator: what was acknowledged is in S3 and a table."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from contract import names
from contract.entities import ENTITIES
from emulator.draw import original
from stack.hops import kafka, objects, tables
from stack.hops.access import Access
from stack.waiting import wait_for

if TYPE_CHECKING:
    from tests.conftest import Stack

POSTS_A_SECOND = 20
BEFORE = 30
"""Records of a topic that must have come before a service is restarted."""


@pytest.fixture
def access(stack: Stack) -> Access:
    return Access(stack.environment)


class Emulator:
    """The emulator, sending until it is told to stop."""

    def __init__(self, stack: Stack, process: subprocess.Popen[str]) -> None:
        self._stack, self._process = stack, process
        # Its progress goes to a pipe that somebody must empty.
        self._said: list[str] = []
        assert process.stderr is not None
        self._drain = threading.Thread(target=self._said.extend, args=(process.stderr,))
        self._drain.start()
        self.counts: dict[str, Any] = {}
        """What it says at its end."""

    def check(self) -> None:
        """Fail, with what it said, when it has ended by itself."""
        assert self._process.poll() is None, "".join(self._said)

    def stop(self) -> None:
        """Let it finish what is under way and count."""
        self._stack.terminate("emulator", self._process)
        assert self._process.stdout is not None
        out = self._process.stdout.read()
        code = self._process.wait(60)
        self._drain.join()
        assert code == 0, "".join(self._said)
        self.counts = json.loads(out)


@contextmanager
def emulator(stack: Stack) -> Iterator[Emulator]:
    options = ("--rate", str(POSTS_A_SECOND), "--retry-seconds", "120", "--json")
    process = stack.spawn("emulator", *options)
    try:
        yield Emulator(stack, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


@pytest.mark.long
@pytest.mark.containers
@pytest.mark.timeout(1500)
def test_a_restart_of_each_service_and_of_all_loses_nothing(stack: Stack, access: Access) -> None:
    topics = {entity: names.topic(stack.settings.user_id, entity) for entity in ENTITIES}
    begin = {topic: kafka.offsets(access, topic)[1] for topic in topics.values()}
    pin = topics[ENTITIES[0]]

    def arrived(topic: str) -> int:
        return sum(kafka.offsets(access, topic)[1].values())

    with emulator(stack) as running:

        def wait_for_more() -> None:
            goal = arrived(pin) + BEFORE
            wait_for(f"{BEFORE} more records", lambda: running.check() or arrived(pin) >= goal, 60)

        services = [status.service for status in stack.engine.status() if status.pid]
        assert {"localstack", "kafka", "rest-proxy", "connect"} <= set(services)
        # No row passes through Airflow's processes: they are restarted together.
        airflow = [service for service in services if service.startswith("airflow-")]
        for group in (*([service] for service in services if service not in airflow), airflow):
            wait_for_more()
            stack.restart(*group)
        wait_for_more()
        stack.restart()
        wait_for_more()
        running.stop()

    counts = running.counts
    assert counts["failed"] == 0
    assert counts["acknowledged"] == counts["sent"] > 0
    drawn = Counter(draw.key for draw in islice(original(), counts["posts"]))
    for entity, topic in topics.items():
        end = kafka.offsets(access, topic)[1]

        def stored(topic: str = topic, key: str = entity.key) -> Counter[int]:
            lines = objects.records_from(access, topic, begin[topic])
            return Counter(json.loads(line)[key] for line in lines)

        expected = sum(end.values()) - sum(begin[topic].values())
        wait_for(
            f"every record of {topic} to be in S3",
            lambda stored=stored, expected=expected: stored().total() >= expected,
            90,
            1,
            lambda stored=stored, expected=expected: f"{stored().total()} of {expected}",
        )
        found = stored()
        assert found.total() == expected, "the sink stored a record twice"
        # A request whose answer was lost was sent again: more copies than draws, never fewer.
        assert drawn - found == Counter()

    stack.run("spark")
    for entity in ENTITIES:
        table = tables.read(access, names.table(stack.settings.user_id, entity))
        assert table is not None
        assert set(drawn) <= {row["ind"] for row in table.rows}

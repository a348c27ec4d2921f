"""LocalStack is killed twice within a minute under load on both pipelines: no row is lost."""

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES, Entity
from emulator.draw import original
from hops import kafka, kinesis, tables
from hops.access import Access
from tests.conftest import Stack
from tests.support.emulator import finish
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(1500)]

EMULATORS = ("emulator", "emulator-streaming")
OPTIONS = ("--rate", "20", "--batch-size", "10", "--retry-seconds", "300", "--json")
BEFORE = 200
"""Records of a stream that must have arrived before each kill."""
LIMIT = 240
"""Seconds from the last post to the tables, with a start of Spark."""


def in_stream(access: Access, entity: Entity) -> Counter[int]:
    """Count the records of an entity's stream by the post's key."""
    stream = names.stream(access.settings.user_id, entity)
    return Counter(json.loads(record.data)[entity.key] for record in kinesis.read(access, stream))


def in_topic(access: Access, entity: Entity) -> Counter[int]:
    """Count the records of an entity's topic by the post's key."""
    topic = names.topic(access.settings.user_id, entity)
    begin, end = kafka.offsets(access, topic)
    records = kafka.read(access, topic, begin, end)
    return Counter(json.loads(record.value or b"")[entity.key] for record in records)


def test_two_kills_within_a_minute(stack: Stack, access: Access, tmp_path: Path) -> None:
    pin = ENTITIES[0]
    with (
        (tmp_path / "stderr").open("w+") as stderr,
        stack.spawn(EMULATORS[0], *OPTIONS, stderr=stderr) as batch,
        stack.spawn(EMULATORS[1], *OPTIONS, stderr=stderr) as streaming,
    ):
        processes = dict(zip(EMULATORS, (batch, streaming), strict=True))
        try:
            for _ in range(2):
                goal = in_stream(access, pin).total() + BEFORE
                wait_for(
                    f"{BEFORE} more records",
                    lambda goal=goal: in_stream(access, pin).total() >= goal,
                    120,
                    1,
                )
                stack.kill("localstack")
                done = stack.pinpipe("up")
                assert done.returncode == 0, done.stdout + done.stderr
            wait_for("more records", lambda: in_stream(access, pin).total() > goal + BEFORE, 120, 1)
            for name, process in processes.items():
                stack.terminate(name, process)
            sent = {name: finish(process) for name, process in processes.items()}
        finally:
            for process in processes.values():
                process.kill()
    drawn = {}
    for name, (code, counts, _) in sent.items():
        assert code == 0, (tmp_path / "stderr").read_text()
        assert counts["failed"] == 0
        assert counts["acknowledged"] == counts["sent"] > 0
        drawn[name] = Counter(draw.key for draw in islice(original(), counts["posts"]))
    for entity in ENTITIES:
        # Requests with lost responses were sent again: more copies than draws, never fewer.
        assert drawn[EMULATORS[0]] - in_topic(access, entity) == Counter()
        expected = in_stream(access, entity)
        assert drawn[EMULATORS[1]] - expected == Counter()

        def written(entity: Entity = entity) -> Counter[int]:
            return Counter(tables.keys(access, entity, "streaming"))

        wait_for(
            f"the posts of {entity.name} to be in their table",
            lambda written=written, expected=expected: expected.keys() <= written().keys(),
            LIMIT,
            1,
            lambda written=written, expected=expected: (
                f"missing: {len(expected.keys() - written().keys())}"
            ),
        )
        assert written() == Counter(expected.keys())

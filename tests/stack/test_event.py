"""One event, followed by its content from the source to the Delta tables."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from stack.hops import kafka, objects, tables
from stack.hops.access import Access
from stack.waiting import wait_for
from tests.example_row import SENT, SIZES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

KEY = 7528
"""The first draw of the original, and the example row of its README."""

CLEANED: dict[Entity, dict[str, Any]] = {
    PIN: {
        "ind": 7528,
        "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf",
        "title": None,
        "description": None,
        "follower_count": None,
        "poster_name": None,
        "tag_list": None,
        "is_image_or_video": "multi-video(story page format)",
        "image_src": None,
        "save_location": "/data/mens-fashion",
        "category": "mens-fashion",
    },
    GEO: {
        "ind": 7528,
        "country": "Albania",
        "coordinates": [-89.9787, -173.293],
        "timestamp": datetime(2020, 8, 28, 3, 52, 47, tzinfo=UTC),
    },
    USER: {
        "ind": 7528,
        "user_name": "Abigail Ali",
        "age": 20,
        "date_joined": datetime(2015, 10, 24, 11, 23, 51, tzinfo=UTC),
    },
}


@pytest.fixture
def access(stack: Stack) -> Access:
    return Access(stack.environment)


@pytest.fixture
def one_record_per_object(stack: Stack) -> Iterator[None]:
    """The connector as the original ran it."""
    stack.run("connector", environment={"S3_SINK_FLUSH_SIZE": "1"})
    yield
    stack.run("connector")


@pytest.mark.usefixtures("one_record_per_object")
def test_row_7528_arrives_by_content_at_every_hop(stack: Stack, access: Access) -> None:
    user_id = stack.settings.user_id
    topics = {entity: names.topic(user_id, entity) for entity in ENTITIES}
    before = {entity: kafka.offsets(access, topic)[1] for entity, topic in topics.items()}

    stack.run("emulator", "--count", "1", "--rate", "max")

    for entity, topic in topics.items():
        after = kafka.offsets(access, topic)[1]
        records = list(kafka.read(access, topic, before[entity], after))
        assert [json.loads(record.value or b"") for record in records] == [SENT[entity]]
        record = records[0]
        held = wait_for(
            f"an object of offset {record.offset} of {topic}",
            lambda topic=topic, record=record: [
                stored
                for stored in objects.listing(access, topic)
                if stored.position.partition == record.partition
                and stored.position.start_offset == record.offset
            ],
            30,
        )
        assert held[0].key == names.object_key(topic, record.partition, record.offset)
        assert held[0].size == SIZES[entity]
        lines = objects.read(access, held[0]).lines
        assert [json.loads(line) for line in lines] == [SENT[entity]]

    stack.run("spark")

    for entity in ENTITIES:
        table = tables.read(access, names.table(user_id, entity), key=KEY)
        assert table is not None
        assert table.rows == [CLEANED[entity]]


def test_trace_names_the_hop_that_is_unplugged(stack: Stack) -> None:
    first, key = 3000, 9655  # a draw that no other test sends

    def ways() -> dict[str, list[tuple[str, bool]]]:
        done = stack.pinpipe("trace", str(key), "--json")
        found: dict[str, list[tuple[str, bool]]] = {}
        for finding in json.loads(done.stdout):
            found.setdefault(finding["entity"], []).append((finding["hop"], finding["found"]))
        complete = all(reached for way in found.values() for _, reached in way)
        assert done.returncode == (0 if complete else 1)
        return found

    def expect(*reached: str, stop: str | None) -> dict[str, list[tuple[str, bool]]]:
        way = [(hop, True) for hop in reached] + ([(stop, False)] if stop else [])
        return {entity.name: way for entity in ENTITIES}

    assert ways() == expect("source", stop="gateway")
    stack.kill("connect")
    try:
        stack.run("emulator", "--count", "1", "--start", str(first), "--rate", "max")
        assert ways() == expect("source", "gateway", "kafka", stop="s3")
    finally:
        stack.start("connect")
    stored = expect("source", "gateway", "kafka", "s3", stop="delta")
    wait_for("the sink to store the rows", lambda: ways() == stored, 60)
    stack.run("spark")
    assert ways() == expect("source", "gateway", "kafka", "s3", "delta", stop=None)


def test_status_says_what_is_wrong(stack: Stack) -> None:
    def states() -> dict[str, str]:
        return {
            s["service"]: s["state"] for s in json.loads(stack.pinpipe("status", "--json").stdout)
        }

    assert set(states().values()) <= {"healthy", "completed", "skipped"}
    assert stack.pinpipe("status").returncode == 0
    stack.kill("rest-proxy")
    try:
        assert states()["rest-proxy"] == "ended"
        assert stack.pinpipe("status").returncode == 1
    finally:
        stack.start("rest-proxy")
    assert states()["rest-proxy"] == "healthy"


def test_demo_names_the_hop_that_lost_rows(stack: Stack) -> None:
    # Two posts fill no object, and an object that spans an hour isn't stored in three seconds.
    withheld = {"S3_SINK_FLUSH_SIZE": "1000", "S3_SINK_ROTATE_INTERVAL_MS": "3600000"}
    try:
        done = stack.pinpipe("demo", "--posts", "2", "--wait", "3", environment=withheld)
    finally:
        stack.run("connector")
    assert done.returncode == 1
    assert "s3: waited 3 s for every record to be in an object; pin 0 of 2" in done.stderr
    assert "kafka" in done.stdout

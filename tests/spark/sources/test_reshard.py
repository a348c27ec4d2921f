"""Shards are split and merged while they are read."""

import json

import pytest

from tests.spark.sources.conftest import Query, QueryOf, Row
from tests.support.engine import Engine, FaultProxy, Stream


def _check(query: Query, stream: Stream) -> None:
    """Check that each record was read once, and those of a key in their order."""
    numbers: dict[str, list[int]] = {}
    for row in query.found:
        numbers.setdefault(row["partitionKey"], []).append(json.loads(row["data"])["n"])
    assert sum(map(len, numbers.values())) == len(stream.sent)
    assert all(found == sorted(set(found)) for found in numbers.values())


@pytest.mark.parametrize("never_ends", [False, True], ids=["null at the end", "never ends"])
def test_resharding(engine: Engine, proxy: FaultProxy, query: QueryOf, never_ends: bool) -> None:
    proxy.never_ends = never_ends
    stream = engine.stream(2)
    options = {"endpoint": proxy.endpoint, "maxRecordsPerFetch": "17", "fetchBufferSize": "1"}
    reading = query(stream, **options)
    position = reading.start()
    stream.put(60)
    position = reading.read(position, 60)
    stream.put(30)
    stream.split(stream.open()[0])  # before it was read to its end
    stream.put(60)
    position = reading.read(position, 90)
    stream.put(30)
    first, second, third = stream.open()
    stream.merge(second, third)  # a child of the split with a shard of the beginning
    stream.put(60)
    stream.merge(first, stream.open()[1])
    stream.put(60)
    position = reading.read(position, 150)
    _check(reading, stream)
    assert [name.split("/")[1] for name in position["shards"]] == [stream.open()[0]["ShardId"]]

    reader = query(stream)
    for start, end, rows in reading.batches:
        again = reader.rows(start, end)
        assert sorted(again, key=str) == sorted(rows, key=str)
    done: list[Row] = []
    for number, (_, end, rows) in enumerate(reading.batches):
        done += rows
        if number % 15 == 0 and len(done) < 300:
            restarted = query(stream, **options)
            restarted.read(end, 300 - len(done))
            restarted.batches.insert(0, (end, end, done))
            _check(restarted, stream)


def test_a_parent_stays_in_the_offset_until_its_children_are_in_it(
    engine: Engine, query: QueryOf
) -> None:
    stream = engine.stream(1)
    stream.put(20)
    parent = f"{stream.name}/shardId-000000000000"
    stream.split(stream.open()[0])
    reading = query(stream)
    position = reading.start()
    seen = []
    stream.put(10)
    position = reading.read(position, 30)
    for _, end, _ in reading.batches:
        seen.append((parent in end["shards"], len(end["shards"]) - (parent in end["shards"])))
    assert set(seen) == {(True, 0), (False, 2)}
    # A new process does not read the parent again although it is still listed.
    restarted = query(stream)
    assert restarted.batch(position) == position


def test_many_generations_are_read_from_their_beginning(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream(1)
    for _ in range(3):
        stream.put(10)
        stream.split(stream.open()[0])
        stream.put(10)
        stream.merge(*stream.open()[:2])
    stream.put(10)
    reading = query(stream)
    reading.read(reading.start(), 70)
    _check(reading, stream)


def test_latest_skips_the_records_of_earlier_generations(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream(1)
    stream.put(10)
    stream.split(stream.open()[0])
    reading = query(stream, initialPosition="latest")
    start = reading.start()
    late = stream.put(20)
    reading.read(start, 20)
    assert sorted(row["data"].decode() for row in reading.found) == sorted(late)

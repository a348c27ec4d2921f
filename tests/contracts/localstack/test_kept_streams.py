"""The Kinesis engine alone: its database outlives it, and has a bound."""

import os
import re
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.support.engine import Engine, Stream
from tests.support.waiting import wait_for

DAY = 24 * 3600
NO_BINARY = {"LEVELDOWN_PREBUILD": "/nowhere"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kinesis" / "000000000000"


@pytest.fixture
def engine(folder: Path) -> Iterator[Engine]:
    with Engine(folder) as started:
        yield started


def again(engine: Engine) -> None:
    """Kill the engine and start it on its database."""
    engine.end()
    engine.start()


def position(stream: Stream, **where: Any) -> str:
    """An iterator of the first shard."""
    (shard, *_) = stream.shards()
    found = stream.client.get_shard_iterator(
        StreamName=stream.name, ShardId=shard["ShardId"], **where
    )
    return str(found["ShardIterator"])


def read(stream: Stream, iterator: str) -> list[str]:
    found = stream.client.get_records(ShardIterator=iterator)["Records"]
    return [record["Data"].decode() for record in found]


def test_a_reader_goes_on_after_a_kill(engine: Engine) -> None:
    stream = engine.stream()
    texts = stream.put(100)
    checkpoint = stream.records()[39][1]["SequenceNumber"]
    before, shards = position(stream, ShardIteratorType="LATEST"), stream.shards()
    again(engine)
    assert stream.shards() == shards
    after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": checkpoint}
    assert read(stream, position(stream, **after)) == texts[40:]
    more = stream.put(10)
    assert read(stream, position(stream, **after)) == texts[40:] + more
    assert read(stream, before) == more, "an iterator outlives the engine"


def test_no_acknowledged_record_is_lost_by_a_kill(engine: Engine) -> None:
    stream, acknowledged = engine.stream(3), set()

    def put(number: int) -> None:
        try:
            stream.client.put_record(
                StreamName=stream.name, Data=str(number).encode(), PartitionKey=str(number)
            )
        except BotoCoreError:  # the engine is dead
            return
        acknowledged.add(str(number))

    for kill in range(2):
        with ThreadPoolExecutor(8) as pool:
            sent = [pool.submit(put, 10_000 * kill + number) for number in range(1_000)]
            goal = len(acknowledged) + 100
            wait_for("a hundred records", lambda goal=goal: len(acknowledged) >= goal)
            engine.end()
            for future in sent:
                future.result()
        engine.start()
    found = [record["Data"].decode() for _, record in stream.records()]
    assert acknowledged <= set(found)
    assert len(found) == len(set(found))


def test_shards_of_before_stay(engine: Engine) -> None:
    stream = engine.stream(2)
    stream.put(50)
    stream.split(stream.open()[0])
    stream.merge(*stream.open()[:2])
    stream.put(50)
    shards, records = stream.shards(), stream.records()
    again(engine)
    assert (stream.shards(), stream.records()) == (shards, records)
    stream.put(50)
    assert len(stream.records()) == 150


@pytest.mark.parametrize("change", ["created", "deleted", "split"])
def test_a_change_that_a_kill_has_cut_is_settled(engine: Engine, change: str) -> None:
    stream = Stream(engine.client, "cut")
    if change != "created":
        stream.create(1)
        stream.put(5)
    engine.send("hold")
    if change == "created":
        engine.client.create_stream(StreamName="cut", ShardCount=1)
    elif change == "deleted":
        engine.client.delete_stream(StreamName="cut")
    else:
        (shard,) = stream.shards()
        where = {"ShardToSplit": shard["ShardId"], "NewStartingHashKey": str(2**127)}
        engine.client.split_shard(StreamName="cut", **where)
    again(engine)
    if change == "split":
        stream.wait_until_active()
        assert (len(stream.shards()), len(stream.records())) == (1, 5)
    else:
        assert engine.client.list_streams()["StreamNames"] == []
        stream.create(1)
        assert stream.records() == []


def size(folder: Path) -> int:
    total = 0
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # the database joins its files meanwhile
            total += path.stat().st_size
    return total


def test_records_go_with_retention(engine: Engine, folder: Path) -> None:
    stream, kept = engine.stream(3), engine.stream()
    engine.client.increase_stream_retention_period(StreamName=kept.name, RetentionPeriodHours=48)
    kept.put(10)
    again(engine)  # LevelDB sorts its log
    empty = size(folder)
    for days in range(1, 4):
        stream.client.put_records(
            StreamName=stream.name,
            Records=[
                {"Data": os.urandom(10_000), "PartitionKey": str(number)} for number in range(300)
            ],
        )
        assert size(folder) > empty + 2_500_000
        engine.move_clock(days * (DAY + 1))
        wait_for(
            "the database to have its former size",
            lambda: engine.client.list_streams() and size(folder) < empty + 100_000,
        )
        assert len(kept.records()) == (10 if days == 1 else 0)


def test_a_time_between_records_is_found_from_the_end(engine: Engine) -> None:
    stream, times = engine.stream(), []
    for number in range(3):
        engine.move_clock(60 * number)
        stream.put(2)
        times.append(stream.records()[-1][1]["ApproximateArrivalTimestamp"])
    for number in range(3):
        at = {
            "ShardIteratorType": "AT_TIMESTAMP",
            "Timestamp": times[number].replace(microsecond=0),
        }
        assert read(stream, position(stream, **at)) == stream.sent[2 * number :]
    at["Timestamp"] = datetime.fromtimestamp(times[-1].timestamp() + 1, UTC)
    engine.move_clock(300)
    latest = position(stream, **at)
    assert read(stream, latest) == []
    assert stream.put(2) == read(stream, latest)


def test_without_a_binary_streams_are_in_memory(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Engine(folder, NO_BINARY) as engine:
        stream = engine.stream()
        stream.put(3)
        assert len(stream.records()) == 3
        again(engine)
        assert engine.client.list_streams()["StreamNames"] == []
    assert not folder.exists()
    line = "kinesis: streams are in memory and end with LocalStack: No native build was found"
    assert line in capfd.readouterr().err


def refusal(engine: Engine) -> str:
    """The error with which a started engine refuses calls."""

    def refused() -> str | None:
        try:
            engine.client.list_streams()
        except ClientError as error:
            return str(error)
        except BotoCoreError:
            return None
        raise AssertionError("the engine takes calls")

    return wait_for("a refusal", refused)


def test_a_log_that_is_cut_at_its_end(engine: Engine, folder: Path) -> None:
    """As by a power failure: the last records are gone, and no number is given twice."""
    stream = engine.stream()
    texts = stream.put(3)
    checkpoint = stream.records()[-1][1]["SequenceNumber"]
    engine.end()
    (log,) = folder.glob("*.log")
    os.truncate(log, log.stat().st_size - 20)
    engine.start()
    assert len(stream.records()) < len(texts)
    after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": checkpoint}
    assert read(stream, position(stream, **after)) == []
    assert stream.put(2) == read(stream, position(stream, **after))


@pytest.mark.parametrize("damaged", ["MANIFEST-*", "CURRENT"])
def test_a_damaged_database_fails_by_name_until_it_is_restored(
    engine: Engine, folder: Path, damaged: str, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = engine.stream()
    stream.put(3)
    engine.end()
    (file,) = folder.glob(damaged)
    content = file.read_bytes()
    if damaged == "CURRENT":
        file.unlink()
    else:
        file.write_bytes(b"damaged")
    engine.launch()
    assert re.search(f"InternalFailure.*cannot be opened.*{folder}", refusal(engine))
    with pytest.raises(ClientError, match="cannot be opened"):
        stream.put(1)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("kinesis: the database of the streams cannot be opened: Corruption")
    file.write_bytes(content)
    wait_for("the streams", engine.up)
    assert len(stream.records()) == 3


def test_two_engines_do_not_share_a_database(engine: Engine, folder: Path) -> None:
    stream = engine.stream()
    stream.put(3)
    second = Engine(folder)
    try:
        second.launch()
        assert re.search("InternalFailure.*lock", refusal(second))
        engine.end()
        wait_for("the streams", second.up)
        assert len(Stream(second.client, stream.name).records()) == 3
    finally:
        second.__exit__()


def test_a_disk_that_was_full_for_a_moment(engine: Engine) -> None:
    """A limit for the size of a file fails as a full disk does."""
    stream, stored = engine.stream(), 0

    def limit(size: int) -> None:
        assert engine.process is not None
        resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def fill() -> None:
        nonlocal stored
        while stored < 100:
            record = {"Data": os.urandom(20_000), "PartitionKey": "k"}
            stream.client.put_record(StreamName=stream.name, **record)
            stored += 1

    limit(200_000)
    with pytest.raises(ClientError, match="InternalFailure"):
        fill()
    assert stored > 0
    limit(resource.RLIM_INFINITY)
    wait_for("the streams", engine.up)
    stream.put(3)
    again(engine)
    assert stored + 3 <= len(stream.records()) <= stored + 4

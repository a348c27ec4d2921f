"""The reader on a real Kinesis engine, without Spark: positions, complete offsets, restarts."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from spark.pipeline.errors import SourceError
from tests.spark.sources.conftest import QueryOf, stored, texts
from tests.support.engine import Engine, Stream
from tests.support.waiting import wait_for


def test_columns(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream()
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    (text,) = stream.put(1)
    reading = query(stream)
    reading.read(reading.start(), 1)
    (row,) = reading.found
    arrival = row.pop("approximateArrivalTimestamp")
    assert began <= arrival <= datetime.now(UTC)
    number = row.pop("sequenceNumber")
    assert int(number) > int(stream.shards()[0]["SequenceNumberRange"]["StartingSequenceNumber"])
    assert row == {
        "partitionKey": "key 0",
        "data": text.encode(),
        "stream": stream.name,
        "shardId": "shardId-000000000000",
    }


def test_a_stream_with_aggregated_records_is_named_once(
    engine: Engine, query: QueryOf, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the first bytes of a record of the Kinesis Producer Library; the row has all its bytes."""
    stream, other = engine.stream(2), engine.stream(1)
    other.put(1)
    data = bytes.fromhex("f3899ac2") + b"\x0a\x01k"
    reading = query(stream, other)
    position = reading.start()
    for _ in range(2):
        for number in range(8):  # in both shards
            key = str(number)
            stream.client.put_record(StreamName=stream.name, PartitionKey=key, Data=data)
        position = reading.read(position, 9 if not reading.found else 8)
    assert [row["data"] for row in reading.found].count(data) == 16
    warnings = [line for line in capsys.readouterr().err.splitlines() if "aggregated" in line]
    assert len(warnings) == 1
    assert f"stream {stream.name} has records" in warnings[0]


def test_each_offset_describes_its_batch_completely(engine: Engine, query: QueryOf) -> None:
    """Another process reads the same rows again from the offsets alone."""
    stream = engine.stream(3)
    reading = query(stream, maxRecordsPerFetch="7", fetchBufferSize="1")
    position = reading.start()
    for _ in range(3):
        stream.put(100)
        position = reading.read(position, 100)
    assert sorted(texts(reading.found)) == sorted(stream.sent)
    assert len(reading.batches) > 10
    restarted = query(stream)
    for start, end, rows in reading.batches:
        again = restarted.rows(start, end)
        assert sorted(again, key=str) == sorted(rows, key=str)
        counted = sum(r["records"] for r in end["shards"].values())
        assert counted == len(rows)
    _, middle, _ = reading.batches[len(reading.batches) // 2]
    before = sum(len(rows) for _, _, rows in reading.batches[: len(reading.batches) // 2 + 1])
    restarted.read(middle, 300 - before)
    assert sorted(texts(restarted.found)) == sorted(texts(reading.found[before:]))


def test_the_first_batch_is_repeated_with_the_same_rows(engine: Engine, query: QueryOf) -> None:
    """Spark does not store the initial offset: after a restart there is a new one."""
    stream = engine.stream(2)
    stream.put(5)
    reading = query(stream, initialPosition="latest")
    first = reading.start()
    assert reading.start() == first
    begun = reading.batch(first)
    stream.put(20)
    reading.read(begun, 20)
    again = query(stream, initialPosition="latest")
    for (_, end, rows), start in zip(
        reading.batches, [again.start(), *(e for _, e, _ in reading.batches)], strict=False
    ):
        assert sorted(again.rows(start, end), key=str) == sorted(rows, key=str)


@pytest.mark.parametrize("position", ["earliest", "latest", "at_timestamp"])
def test_initial_positions(engine: Engine, query: QueryOf, position: str) -> None:
    stream = engine.stream(2)
    before = stream.put(30)
    _let_time_pass(stream)
    moment = datetime.now(UTC)
    given = {"at_timestamp": moment.strftime("%m/%d/%Y %H:%M:%S.%f")[:-3] + " +0000"}
    given["format"] = "MM/dd/yyyy HH:mm:ss.SSS ZZZ"
    option = json.dumps(given) if position == "at_timestamp" else position
    reading = query(stream, initialPosition=option)
    first = reading.start()
    after = stream.put(30)
    expected = before + after if position == "earliest" else after
    reading.read(first, len(expected))
    assert sorted(texts(reading.found)) == sorted(expected)
    start, end, rows = max(reading.batches, key=lambda batch: len(batch[2]))
    assert sorted(query(stream).rows(start, end), key=str) == sorted(rows, key=str)


def _let_time_pass(stream: Stream) -> None:
    """Wait until new records arrive later than all others; the engine dates the shards of a split
    a second after the split.
    """
    arrivals = [record["ApproximateArrivalTimestamp"] for _, record in stream.records()]
    newest = max(arrivals).timestamp()
    wait_for("the newest arrival to be over", lambda: time.time() > newest + 0.002)


def test_several_streams(engine: Engine, query: QueryOf) -> None:
    streams = [engine.stream(1), engine.stream(2)]
    for stream in streams:
        stream.put(20)
    reading = query(*streams)
    position = reading.read(reading.start(), 40)
    for stream in streams:
        own = [row for row in reading.found if row["stream"] == stream.name]
        assert sorted(texts(own)) == sorted(stream.sent)
    fewer = query(streams[0])
    with pytest.raises(SourceError, match=f"has stream {streams[1].name}, which streamName"):
        fewer.batch(position)


def test_a_missing_stream_is_an_error(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream()
    stream.delete()
    with pytest.raises(SourceError, match=f"{stream.name}.*ResourceNotFoundException"):
        query(stream).start()


@pytest.mark.parametrize("position", ["trim_horizon", "latest"])
@pytest.mark.parametrize("buffer", ["1", "3000", "1mb"])
@pytest.mark.parametrize("reported", [False, True], ids=["result before report", "report first"])
def test_the_first_result_is_right_for_a_new_and_for_a_restarted_query(
    engine: Engine, query: QueryOf, position: str, buffer: str, reported: bool
) -> None:
    """Spark may call before it has reported the position of the query, and only once."""
    stream = engine.stream(2)
    old = stream.put(30)
    new = query(stream, initialPosition=position, fetchBufferSize=buffer, maxRecordsPerFetch="4")
    end = new.reader.latestOffset()
    rows = new.rows(new.start(), end)
    assert sorted(texts(rows)) == sorted(old if position == "trim_horizon" else [])
    assert query(stream).rows(new.start(), end) or position == "latest"

    stream.split(stream.open()[0])
    more = stream.put(30)
    options = {"fetchBufferSize": buffer, "maxRecordsPerFetch": "7"}
    later = query(stream, initialPosition=position, **options)
    if reported:
        assert later.reader.partitions(end, end) == []
    newest_end = stored(later.reader.latestOffset())
    stream.put(5)
    assert reported or later.reader.partitions(end, end) == []
    later.reader.latestOffset()  # for a progress report
    assert sorted(texts(later.rows(end, newest_end))) == sorted(more)
    assert sorted(texts(query(stream).rows(end, newest_end))) == sorted(more)

    last = query(stream, initialPosition=position)
    assert not reported or last.reader.partitions(newest_end, newest_end) == []
    found = last.rows(newest_end, last.reader.latestOffset())
    assert sorted(texts(found)) == sorted(stream.sent[-5:])
    idle = query(stream, initialPosition=position)
    idle.reader.partitions(newest_end, newest_end)
    standing = stored(idle.reader.latestOffset())
    assert stored(idle.reader.latestOffset()) == standing


def test_a_stream_without_records(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream(2)
    for position in ("latest", "trim_horizon"):
        reading = query(stream, initialPosition=position)
        end = reading.reader.latestOffset()
        assert reading.rows(reading.start(), end) == []
        assert reading.reader.latestOffset() == end


def test_offsets_that_do_not_join_are_refused(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream()
    reading = query(stream)
    stream.put(5)
    first = reading.read(reading.start(), 5)
    stream.put(5)
    second = reading.read(first, 5)
    stream.put(5)
    third = reading.read(second, 5)
    with pytest.raises(SourceError, match="the batch before ends at"):
        reading.reader.partitions(first, third)
    with pytest.raises(SourceError, match="not of this source"):
        reading.reader.partitions({"offset": 1}, third)

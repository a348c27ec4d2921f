"""The reader during faults of Kinesis: throttling, outages, lost records, recreated streams."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from spark.pipeline.errors import DataLossError, SourceError
from spark.pipeline.sources.kinesis import client
from tests.spark.sources.conftest import QueryOf, texts
from tests.support.engine import Engine, FaultProxy
from tests.support.waiting import wait_for

HOURS = 3600.0


@pytest.fixture
def own_engine() -> Iterator[Engine]:
    """An engine that a test may restart, and whose clock it may move."""
    with Engine() as started:
        yield started


def test_a_query_refuses_a_stream_of_too_many_shards(engine: Engine, query: QueryOf) -> None:
    stream = engine.stream(257)
    reading = query(stream)
    with pytest.raises(SourceError, match=f"{stream.name} have 257 shards to read.* 256 at most"):
        reading.batch(reading.start())
    stream.delete()


def test_throttled_calls_are_repeated(engine: Engine, proxy: FaultProxy, query: QueryOf) -> None:
    stream = engine.stream(2)
    stream.put(50)
    for action in ("ListShards", "GetShardIterator", "GetRecords"):
        proxy.faults[action] = [
            (400, "ProvisionedThroughputExceededException"),
            (400, "LimitExceededException"),
            (500, "InternalFailure"),
        ]
    reading = query(stream, endpoint=proxy.endpoint)
    reading.read(reading.start(), 50)
    assert sorted(texts(reading.found)) == sorted(stream.sent)
    assert not any(proxy.faults.values())


def test_a_refusal_is_an_error_at_once(engine: Engine, proxy: FaultProxy, query: QueryOf) -> None:
    stream = engine.stream()
    reading = query(stream, endpoint=proxy.endpoint)
    start = reading.start()
    proxy.faults["GetRecords"] = [(400, "AccessDeniedException")]
    with pytest.raises(SourceError, match=f"{stream.name}/shardId-0+: .*AccessDeniedException"):
        wait_for("the error", lambda: reading.batch(start) and False)


def test_reading_continues_after_an_outage_of_the_endpoint(
    engine: Engine, proxy: FaultProxy, query: QueryOf, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = engine.stream(2)
    stream.put(20)
    reading = query(stream, endpoint=proxy.endpoint)
    position = reading.read(reading.start(), 20)
    proxy.down = True
    calls = len(proxy.calls)
    wait_for("failed calls", lambda: len(proxy.calls) > calls + 6)
    stream.put(20)
    assert reading.batch(position) == position  # no new records, and no wait for the endpoint
    proxy.down = False
    reading.read(position, 20)
    assert sorted(texts(reading.found)) == sorted(stream.sent)
    error = capfd.readouterr().err
    assert f"Kinesis at {proxy.endpoint} is away, trying again" in error
    assert f"Kinesis at {proxy.endpoint} is back after" in error


def test_the_engine_survives_a_client_killed_during_its_request(own_engine: Engine) -> None:
    with socket.create_connection(("127.0.0.1", own_engine.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: kinesis\r\nContent-Length: 1000\r\n\r\n{")
        own_engine.client.list_streams()  # the engine has received the request before
    assert own_engine.process is not None
    for _ in range(10):
        own_engine.client.list_streams()
    assert own_engine.process.poll() is None


def test_an_outage_is_an_error_after_its_limit(
    engine: Engine, proxy: FaultProxy, query: QueryOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "OUTAGE_LIMIT", 0.3)
    stream = engine.stream()
    reading = query(stream, endpoint=proxy.endpoint)
    position = reading.batch(reading.start())
    proxy.down = True
    with pytest.raises(SourceError, match=f"Kinesis at {proxy.endpoint} is away for 0 s"):
        wait_for("the error", lambda: reading.batch(position) and False)


def test_iterators_that_have_expired(own_engine: Engine, query: QueryOf) -> None:
    stream = own_engine.stream(2)
    stream.put(20)
    reading = query(stream)
    position = reading.read(reading.start(), 20)
    own_engine.move_clock(400)  # an iterator expires after five minutes
    stream.put(20)
    position = reading.read(position, 20)
    own_engine.move_clock(800)
    stream.put(20)
    reading.read(position, 20)
    assert sorted(texts(reading.found)) == sorted(stream.sent)


def test_a_batch_that_retention_has_cut(
    own_engine: Engine, query: QueryOf, capfd: pytest.CaptureFixture[str]
) -> None:
    stream = own_engine.stream()
    old = stream.put(20)
    own_engine.move_clock(20 * HOURS)
    young = stream.put(10)
    reading = query(stream)
    first = reading.start()
    begun = reading.read(first, 30)
    assert texts(query(stream).rows(first, begun)) == old + young
    own_engine.move_clock(30 * HOURS)
    message = (
        r"held 30 records when it was planned and holds 10 now, as the stream keeps records for"
        r" 24 hours and has it from 20\d\d-.* UTC on; start with a new checkpoint, or with"
        r" failOnDataLoss=false"
    )
    start, end, _ = reading.batches[-1]
    with pytest.raises(DataLossError, match=message):
        query(stream).rows(start, end)
    capfd.readouterr()
    going_on = query(stream, failOnDataLoss="false")
    assert texts(going_on.rows(start, end)) == young
    assert "holds 10 now, as the stream keeps records for 24 hours" in capfd.readouterr().err


def test_a_shard_that_was_read_in_part_and_is_gone(
    engine: Engine, query: QueryOf, capfd: pytest.CaptureFixture[str]
) -> None:
    """The engine never removes a closed shard, so the offset names one that never existed."""
    stream = engine.stream()
    stream.put(5)
    reading = query(stream)
    position = reading.read(reading.start(), 5)
    (name,) = position["shards"]
    gone = name.replace("shardId-000000000000", "shardId-000000000007")
    position["shards"][gone] = position["shards"][name]
    with pytest.raises(DataLossError, match=f"{gone} is no longer there.*for 24 hours"):
        query(stream).batch(position)
    stream.put(5)
    going_on = query(stream, failOnDataLoss="false")
    going_on.read(position, 5)
    assert gone in capfd.readouterr().err


@pytest.mark.parametrize("meanwhile", ["running", "stopped"])
def test_a_stream_deleted_and_created_again(engine: Engine, query: QueryOf, meanwhile: str) -> None:
    stream = engine.stream(2)
    first = stream.shards()[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    stream.put(20)
    failing, going_on = query(stream), query(stream, failOnDataLoss="false")
    position = failing.read(failing.start(), 20)
    assert going_on.read(going_on.start(), 20)["shards"].keys() == position["shards"].keys()
    if meanwhile == "stopped":
        failing.reader.stop()
        going_on.reader.stop()

    def created_again() -> bool:
        stream.delete()
        stream.create(3)
        return stream.shards()[0]["SequenceNumberRange"]["StartingSequenceNumber"] != first

    wait_for("a stream created in another second", created_again)
    stream.put(20)
    if meanwhile == "stopped":
        failing, going_on = query(stream), query(stream, failOnDataLoss="false")
    with pytest.raises(DataLossError, match=f"{stream.name} was deleted and created again"):
        wait_for("the error", lambda: failing.batch(position) and False)
    going_on.batches.clear()
    going_on.read(position, 20)
    assert sorted(texts(going_on.found)) == sorted(stream.sent)


def test_a_stream_that_is_just_being_created_again(
    own_engine: Engine, query: QueryOf, capfd: pytest.CaptureFixture[str]
) -> None:
    """The engine lists no shards of the stream then; they do not count as lost."""
    stream = own_engine.stream(2)
    stream.put(5)
    reading = query(stream)
    position = reading.read(reading.start(), 5)
    stream.delete()
    own_engine.move_clock(10)
    own_engine.send("hold")
    stream.client.create_stream(StreamName=stream.name, ShardCount=2)
    assert not stream.shards()
    error = ""

    def waits() -> bool:
        nonlocal error
        error += capfd.readouterr().err
        return "it has no shards: it is being made or deleted" in error

    with ThreadPoolExecutor(1) as thread:
        failing = query(stream)
        batch = thread.submit(failing.batch, position)
        wait_for("the message that it waits", waits)
        own_engine.send("go")
        with pytest.raises(DataLossError, match=f"{stream.name} was deleted and created again"):
            batch.result(30)


def test_a_batch_of_a_stream_that_was_created_again(own_engine: Engine, query: QueryOf) -> None:
    stream = own_engine.stream()
    reading = query(stream)
    stream.put(5)
    position = reading.read(reading.start(), 5)
    stream.put(5)
    end = reading.read(position, 5)
    stream.delete()
    own_engine.move_clock(10)
    stream.create(1)
    stream.put(10)
    with pytest.raises(DataLossError, match="it did not come from this stream"):
        query(stream).rows(position, end)


def test_an_engine_that_forgets(own_engine: Engine, query: QueryOf) -> None:
    """As after a restart of LocalStack: no engine, then no stream, then a new stream."""
    stream = own_engine.stream()
    stream.put(5)
    failing, going_on = (query(stream, failOnDataLoss=flag) for flag in ("true", "false"))
    position = failing.read(failing.start(), 5)
    going_on.read(going_on.start(), 5)
    own_engine.end()
    assert failing.batch(position) == position
    own_engine.start()
    own_engine.move_clock(10)
    assert failing.batch(position) == position
    stream.create(1)
    stream.sent.clear()
    stream.put(7)
    with pytest.raises(DataLossError, match="was deleted and created again"):
        wait_for("the error", lambda: failing.batch(position) and False)
    going_on.batches.clear()
    going_on.read(position, 7)

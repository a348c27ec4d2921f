"""The source in Spark: queries as a user writes them, and a plain append with kill -9."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from contract.settings import Settings
from spark.pipeline.sources.kinesis import register
from tests.support.appending import Appending
from tests.support.engine import Engine, Stream

ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/"
OPTIONS = {
    "awsAccessKey": "test",
    "awsSecretKey": "test",
    "initialPosition": "trim_horizon",
    "minFetchPeriod": "50ms",
}


@pytest.fixture
def source(spark: SparkSession, engine: Engine) -> SparkSession:
    """The session with the registered source."""
    assert register(spark, Settings.from_environ({"AWS_ENDPOINT_URL": engine.endpoint}))
    return spark


def load(spark: SparkSession, engine: Engine, *streams: Stream, **options: str) -> DataFrame:
    names = ",".join(stream.name for stream in streams)
    given = {"streamName": names, "endpoint": engine.endpoint, **OPTIONS, **options}
    return spark.readStream.format("kinesis").options(**given).load()


def drain(frame: DataFrame, checkpoint: Path) -> list[list[Any]]:
    """Run a query until all records are read; return the rows of each batch."""
    batches: list[list[Any]] = []
    writer = frame.writeStream.foreachBatch(lambda found, _: batches.append(found.collect()))
    writer = writer.option("checkpointLocation", str(checkpoint)).trigger(availableNow=True)
    query = writer.start()
    try:
        assert query.awaitTermination(60)
    finally:
        query.stop()
    return batches


def test_it_is_left_to_databricks_where_aws_has_no_endpoint_of_ours(spark: SparkSession) -> None:
    assert not register(spark, Settings.from_environ({}))


@pytest.mark.slow
def test_a_query_reads_all_records_and_continues_from_its_checkpoint(
    source: SparkSession, engine: Engine, tmp_path: Path
) -> None:
    stream, other = engine.stream(2), engine.stream(1)
    stream.put(50)
    other.put(5)
    frame = load(source, engine, stream, other)
    assert frame.schema.simpleString() == (
        "struct<partitionKey:string,data:binary,stream:string,shardId:string,"
        "sequenceNumber:string,approximateArrivalTimestamp:timestamp>"
    )
    first = [row for batch in drain(frame, tmp_path) for row in batch]
    assert sorted(row.data.decode() for row in first) == sorted(stream.sent + other.sent)
    assert {row.stream for row in first} == {stream.name, other.name}
    assert drain(frame, tmp_path) in ([], [[]])
    stream.split(stream.open()[0])
    late = stream.put(50)
    second = [row for batch in drain(frame, tmp_path) for row in batch]
    assert sorted(row.data.decode() for row in second) == sorted(late)


@pytest.mark.slow
def test_a_query_written_for_databricks_runs_unchanged(
    source: SparkSession, engine: Engine, tmp_path: Path
) -> None:
    """With a role, enhanced fan-out and options that no Kinesis source has."""
    stream = engine.stream()
    stream.put(3)
    frame = (
        source.readStream.format("kinesis")
        .option("streamARN", f"{ARN}{stream.name}")
        .option("roleArn", "arn:aws:iam::000000000000:role/reader")
        .option("roleSessionName", "report")
        .option("consumerMode", "efo")
        .option("consumerName", "report")
        .option("inferSchema", "true")
        .options(endpoint=engine.endpoint, **OPTIONS)
        .load()
    )
    rows = [row for batch in drain(frame, tmp_path) for row in batch]
    assert [row.data.decode() for row in rows] == stream.sent


def test_wrong_options_are_refused_when_the_query_is_defined(
    source: SparkSession, engine: Engine
) -> None:
    stream = engine.stream()
    with pytest.raises(AnalysisException, match="streamName and streamARN exclude each other"):
        load(source, engine, stream, streamARN=f"{ARN}{stream.name}")
    with pytest.raises(AnalysisException, match="option initialPosition is 'newest'"):
        load(source, engine, stream, initialPosition="newest")


@pytest.fixture
def appending(engine: Engine, tmp_path: Path) -> Iterator[Appending]:
    with Appending(tmp_path / "append", engine.endpoint, [engine.stream(2)]) as made:
        yield made


@pytest.mark.slow
def test_a_plain_append_has_each_record_once_despite_kill_9(appending: Appending) -> None:
    (stream,) = appending.streams
    stream.put(100)
    first = appending.launch("--die-in", "0")  # the initial offset is lost with it
    assert first.wait(120) == -signal.SIGKILL
    assert len(appending.files()) == 1
    stream.put(100)

    second = appending.launch("--die-in", "2")
    for count in (2, 3):
        appending.wait_for_batches(count)
        stream.put(100)
    assert second.wait(120) == -signal.SIGKILL
    stream.split(stream.open()[1])
    stream.put(100)

    last = appending.launch("--available-now")
    assert last.wait(120) == 0, appending.log.read_text()
    assert appending.check() == 2

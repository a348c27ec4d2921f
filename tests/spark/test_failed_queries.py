"""Which failed queries fail their task, in the Jobs API's runner with real queries of Spark."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pyspark import SparkContext
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery, StreamingQueryManager
from pyspark.sql.streaming.readwriter import DataStreamWriter

from services.databricks.notebook import Cell
from services.databricks.runner.queries import Queries
from spark.pipeline.errors import first_line
from tests.support.waiting import wait_for

CAST = '[CAST_INVALID_INPUT] The value \'12k\' of the type "STRING" cannot be cast to "INT"'
PATCHED: tuple[tuple[Any, str], ...] = (
    (DataStreamWriter, "_sq"),
    (DataStreamWriter, "foreachBatch"),
    (StreamingQuery, "awaitTermination"),
    (StreamingQuery, "processAllAvailable"),
    (StreamingQueryManager, "awaitAnyTermination"),
    (SparkSession, "stop"),
    (SparkContext, "stop"),
)

Start = Callable[..., StreamingQuery]


@pytest.fixture
def queries(monkeypatch: pytest.MonkeyPatch, spark: SparkSession) -> Iterator[Queries]:
    """The queries of a test; all are stopped at its end."""
    for owner, name in PATCHED:
        monkeypatch.setattr(owner, name, getattr(owner, name))
    found = Queries()
    found.watch()
    spark.streams.resetTerminated()
    yield found
    for query in spark.streams.active:
        query.stop()


@pytest.fixture
def start(spark: SparkSession, tmp_path: Path) -> Start:
    """Starts a query over values that it puts into the query's folder."""

    def started(name: str, *values: str, into: Any = None) -> StreamingQuery:
        folder = tmp_path / f"in-{name}"
        folder.mkdir(exist_ok=True)
        for value in values:
            (folder / value).write_text(value)
        rows = spark.readStream.text(str(folder))
        if into:
            writer = rows.writeStream.foreachBatch(into)
        else:
            writer = rows.selectExpr("CAST(value AS INT) AS n").writeStream.format("delta")
            writer = writer.option("path", str(tmp_path / name))
        writer = writer.option("checkpointLocation", str(tmp_path / f"at-{name}"))
        return writer.queryName(name).start()

    return started


def write(batch: DataFrame, _: int) -> None:
    """Cast a batch to numbers, and write it to Spark's no-op sink."""
    batch.selectExpr("CAST(value AS INT)").write.format("noop").mode("append").save()


def ended(query: StreamingQuery) -> None:
    """Wait until a query has ended, in a thread that the runner does not watch."""
    with pytest.raises(StreamingQueryException), ThreadPoolExecutor(1) as pool:
        pool.submit(query.awaitTermination).result(60)


def test_a_failure_with_a_long_message_is_not_lost(queries: Queries, start: Start) -> None:
    """Spark's search for the cause of a failure needs a deep stack (spark-defaults.conf)."""

    def fail(batch: DataFrame, _: int) -> None:
        raise ValueError("long " * 4000)

    query = start("long", "1", into=fail)
    ended(query)
    assert "long long" in str(query.exception())


def test_a_failure_that_the_code_does_not_handle(queries: Queries, start: Start) -> None:
    with queries.cell(Cell(3, "python", "start()"), "/books/a"):
        query = start("pins", "12k")
    ended(query)
    error = query.exception()  # reading the error does not handle it
    assert error is not None
    assert first_line(error).startswith(CAST)  # the line that the streaming job prints
    (failure,) = queries.failures()
    assert str(failure).startswith(f"query pins of cell 3 of /books/a failed: {CAST}")
    assert failure.trace.splitlines()[:2] == [str(failure), "    start()"]
    assert "StreamingQueryException: [TASK_WRITE_FAILED]" in failure.trace


@pytest.mark.slow
@pytest.mark.parametrize("how", ["awaitTermination", "processAllAvailable", "any"])
def test_a_failure_that_the_code_receives_is_its_own(
    queries: Queries, spark: SparkSession, start: Start, how: str
) -> None:
    query = start("pins", "12k")
    with pytest.raises(StreamingQueryException) as caught:
        spark.streams.awaitAnyTermination() if how == "any" else getattr(query, how)()
    assert queries.failures() == []
    # If the code does not catch it, the error of the task is that of the query.
    failure = queries.behind(caught.value, "the code's trace")
    assert str(failure).startswith(f"query pins failed: {CAST}")
    assert failure is not None
    assert "\nthe code's trace\n" in failure.trace
    assert queries.behind(ValueError(), "") is None


def test_queries_that_were_stopped_or_restarted_do_not_fail_the_task(
    queries: Queries, start: Start, tmp_path: Path
) -> None:
    query = start("pins", "12k", into=write)
    ended(query)
    (tmp_path / "in-pins" / "12k").write_text("12")
    again = start("pins", "13", into=write)
    assert queries.failures() == []
    again.processAllAvailable()
    again.stop()
    queries.wait()
    assert queries.failures() == []


@pytest.mark.slow
def test_the_wait_for_all_ends_with_the_first_failure(queries: Queries, start: Start) -> None:
    go = Event()

    def write_late(batch: DataFrame, batch_id: int) -> None:
        go.wait(60)
        write(batch, batch_id)

    running = start("running")
    start("batches", "12k", into=write_late)
    go.set()
    queries.wait()
    (failure,) = queries.failures()
    assert str(failure).startswith(f"query batches failed: {CAST}")
    assert ", in write\n" in failure.trace
    assert running.isActive


def test_a_session_that_is_stopped_ends_its_queries_by_intent(
    queries: Queries, start: Start
) -> None:
    failed = start("failed", "12k")
    wait_for("it to fail", lambda: not failed.isActive)
    running = start("running", "1")
    running.processAllAvailable()
    stops: list[bool] = []
    queries._ending_queries(lambda: stops.append(running.isActive))()
    assert stops == [True]
    (failure,) = queries.failures()
    assert "query failed" in str(failure)
    running.stop()
    assert queries.failures() == [failure]


@pytest.mark.slow
def test_queries_started_by_threads_are_all_recorded(queries: Queries, start: Start) -> None:
    with ThreadPoolExecutor(4) as pool:
        names = [f"thread{number}" for number in range(4)]
        started = list(pool.map(lambda name: start(name, "12k"), names))
    wait_for("all to fail", lambda: not any(query.isActive for query in started))
    assert len(queries.failures()) == 4

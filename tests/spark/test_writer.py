"""Two writers of a table: the one that began first writes nothing once the other has begun."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from spark.pipeline.delta import open_delta
from spark.pipeline.delta.open_delta import Transaction
from spark.pipeline.delta.tables import Table
from spark.pipeline.delta.writer import TableWriter
from spark.pipeline.errors import LockError
from tests.support.lake import rows
from tests.support.waiting import wait_for

SCHEMA = "ind bigint, text string"
LOST = "a table: another run has begun to write this table"


@pytest.fixture
def table(spark: SparkSession, tmp_path: Path) -> Table:
    made = Table(f"{tmp_path}/a table")
    made.create(spark, spark.createDataFrame([], SCHEMA).schema)
    return made


def texts(spark: SparkSession, table: Table) -> list[tuple[int, str]]:
    """Return the rows of the table."""
    return sorted((row["ind"], row["text"]) for row in rows(table.read(spark)))


def _delayed(text: str, begun: Path, go_on: Path) -> str:
    begun.touch()
    wait_for("the other writer", go_on.exists, 100)
    return text


def test_a_writer_writes_after_other_programs(spark: SparkSession, table: Table) -> None:
    def frame(*of: tuple[int, str]) -> DataFrame:
        return spark.createDataFrame(list(of), SCHEMA)

    writer = TableWriter(spark, table)
    writer.append(frame((1, "a")), {"batch": 7})
    assert table.last_commit(spark).note == {"batch": 7}
    writer.append(frame((2, "b")), {})
    assert table.compact(spark) == 2
    writer.append(frame((3, "c")), {})
    writer.merge(frame((3, "c")), ("ind",))  # changes nothing
    writer.merge(frame((1, "new"), (4, "d")), ("ind",))
    writer.append(frame((5, "e")), {})
    stored = [(1, "new"), (2, "b"), (3, "c"), (4, "d"), (5, "e")]
    assert texts(spark, table) == stored

    TableWriter(spark, table)
    with pytest.raises(LockError, match=LOST):
        writer.merge(frame((5, "old")), ("ind",))
    with pytest.raises(LockError, match=LOST):
        writer.append(frame((6, "f")), {})
    assert texts(spark, table) == stored


def test_a_write_in_progress_fails_when_another_writer_begins(
    spark: SparkSession, table: Table, tmp_path: Path
) -> None:
    begun, go_on = tmp_path / "begun", tmp_path / "go on"

    slow = F.udf(lambda text: _delayed(text, begun, go_on), "string")
    writer = TableWriter(spark, table)
    frame = spark.createDataFrame([(1, "a")], SCHEMA)
    with ThreadPoolExecutor() as pool:
        write = pool.submit(writer.append, frame.withColumn("text", slow("text")), {})
        wait_for("a write in progress", begun.exists, 100)
        other = TableWriter(spark, table)
        go_on.touch()
        with pytest.raises(LockError, match=LOST):
            write.result(100)
    other.append(frame, {})
    assert texts(spark, table) == [(1, "a")]


def test_without_open_delta_the_writes_are_plain(
    spark: SparkSession, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session has no ``_jvm``, or a JVM without these classes."""
    assert spark._jvm is not None
    packages = SimpleNamespace(org=spark._jvm.elsewhere.org)
    for session in (object(), SimpleNamespace(_jvm=packages)):
        assert Transaction.begin(cast(SparkSession, session), table.uri, "a name") is None
        open_delta.clean_log(cast(SparkSession, session), table.uri)
    monkeypatch.setattr(open_delta, "_log", lambda *_: None)
    writer = TableWriter(spark, table)
    writer.append(spark.createDataFrame([(1, "a")], SCHEMA), {"batch": 7})
    writer.merge(spark.createDataFrame([(1, "b")], SCHEMA), ("ind",))
    assert texts(spark, table) == [(1, "b")]

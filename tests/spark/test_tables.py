"""Delta tables on a local disk."""

from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.types import LongType, StringType, StructField, StructType

from spark.pipeline.delta.tables import PROPERTIES, Table
from tests.support.lake import rows

SCHEMA = StructType([StructField("ind", LongType()), StructField("text", StringType())])


def test_merge_changes_only_what_differs(spark: SparkSession, tmp_path: Path) -> None:
    table = Table(f"{tmp_path}/a table")
    table.create(spark, SCHEMA)
    table.merge(spark.createDataFrame([(1, "a"), (2, None)], SCHEMA), ("ind",))
    before = set(tmp_path.rglob("*.parquet"))
    table.create(spark, SCHEMA)
    table.merge(spark.createDataFrame([(2, None), (1, "a")], SCHEMA), ("ind",))
    assert set(tmp_path.rglob("*.parquet")) == before
    table.merge(spark.createDataFrame([(2, "b"), (3, "c")], SCHEMA), ("ind",))
    assert {row["ind"]: row["text"] for row in rows(table.read(spark))} == {1: "a", 2: "b", 3: "c"}


def test_replace_stores_a_note_with_the_commit(spark: SparkSession, tmp_path: Path) -> None:
    table = Table(f"{tmp_path}/a table")
    assert not table.exists(spark)
    assert table.replace(spark.createDataFrame([(2, "b"), (1, "a")], SCHEMA), {"of": [1]}) == 2
    first = table.last_commit(spark)
    assert (first.version, first.note) == (0, {"of": [1], "rows": 2})
    assert table.replace(spark.createDataFrame([], SCHEMA), {}) == 0
    assert (rows(table.read(spark)), len(rows(table.read(spark, 0)))) == ([], 2)
    second = table.last_commit(spark)
    assert (second.version, second.note) == (1, {"rows": 0})
    assert second.at > first.at
    # Commits and user metadata of other programs are no notes.
    for note in ("", "[1]", "{"):
        writer = spark.createDataFrame([(3, "c")], SCHEMA).write.format("delta").mode("append")
        (writer.option("userMetadata", note) if note else writer).save(table.uri)
        assert table.last_commit(spark).note == {}


def test_a_table_is_created_after_a_killed_attempt(spark: SparkSession, tmp_path: Path) -> None:
    table = Table(str(tmp_path / "a table"))
    assert not table.exists(spark)
    (tmp_path / "a table/_delta_log").mkdir(parents=True)
    assert not table.exists(spark)
    table.create(spark, SCHEMA)
    assert table.exists(spark)
    assert table.read(spark).schema == SCHEMA
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{table.uri}`").head()
    assert detail is not None
    assert detail["properties"] == PROPERTIES

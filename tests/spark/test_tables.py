"""Delta tables on a local disk."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.types import LongType, StringType, StructField, StructType

from spark.pipeline.tables import Table
from tests.spark.lake import rows

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


def test_replace_is_a_new_version_only_for_new_rows(spark: SparkSession, tmp_path: Path) -> None:
    table = Table(f"{tmp_path}/a table")
    first = spark.createDataFrame([(2, "b"), (1, "a")], SCHEMA)
    assert table.replace(first) == 2
    assert (table.replace(first), table.version(spark)) == (2, 0)
    assert table.replace(spark.createDataFrame([(3, "c")], SCHEMA)) == 1
    assert (table.version(spark), rows(table.read(spark))) == (1, [{"ind": 3, "text": "c"}])
    assert table.replace(spark.createDataFrame([], SCHEMA)) == 0
    assert rows(table.read(spark)) == []

"""Delta tables: made when they are missing, merged by key, replaced whole.

Every write can be repeated: a merge changes only rows that differ. The properties keep the tables
readable for every Delta reader (no deletion vectors, no column mapping).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    # A checkpoint costs seconds, reading a hundred small commits doesn't.
    "delta.checkpointInterval": "100",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A Delta table by its URI."""

    uri: str

    def create(self, spark: SparkSession, schema: StructType) -> None:
        """Make the table unless it is there; one with other columns is left as it is."""
        builder = DeltaTable.createIfNotExists(spark).location(self.uri).addColumns(schema)
        for name, value in PROPERTIES.items():
            builder = builder.property(name, value)
        builder.execute()

    def exists(self, spark: SparkSession) -> bool:
        """Say whether the table is there."""
        return bool(DeltaTable.isDeltaTable(spark, self.uri))

    def read(self, spark: SparkSession) -> DataFrame:
        """Return the table's rows."""
        return spark.read.format("delta").load(self.uri)

    def version(self, spark: SparkSession) -> int:
        """Return the number of the last commit."""
        newest = DeltaTable.forPath(spark, self.uri).history(1).select("version").head()
        assert newest is not None
        return int(newest["version"])

    def merge(self, rows: DataFrame, keys: Sequence[str]) -> None:
        """Insert rows with new keys, replace rows that differ; ``rows`` has one row a key."""
        same = reduce(and_, (F.col(f"new.{key}") == F.col(f"old.{key}") for key in keys))
        equal = reduce(
            and_, (F.col(f"new.{n}").eqNullSafe(F.col(f"old.{n}")) for n in rows.columns)
        )
        # A merge writes every file anew that holds one of its keys, changed or not: rows that are
        # there already, which a sender's restart brings in thousands, are kept out of it.
        old = self.read(rows.sparkSession).alias("old")
        fresh = rows.alias("new").join(old, same & equal, "left_anti")
        if fresh.isEmpty():
            return
        (
            DeltaTable.forPath(rows.sparkSession, self.uri)
            .alias("old")
            .merge(fresh.alias("new"), same)
            .whenMatchedUpdateAll()
            .whenNotMatchedInsertAll()
            .execute()
        )

    def add(self, rows: DataFrame, keys: Sequence[str]) -> None:
        """Insert rows with new keys; rows with known keys are the same and stay."""
        same = reduce(and_, (F.col(f"new.{key}").eqNullSafe(F.col(f"old.{key}")) for key in keys))
        (
            DeltaTable.forPath(rows.sparkSession, self.uri)
            .alias("old")
            .merge(rows.alias("new"), same)
            .whenNotMatchedInsertAll()
            .execute()
        )

    def replace(self, rows: DataFrame) -> int:
        """Put ``rows`` in the place of all rows, unless the table holds just these.

        Args:
            rows: few enough for the driver, in the order in which the table is to hold them.

        Returns:
            The number of rows.
        """
        spark = rows.sparkSession
        found = rows.collect()
        # An overwrite costs ten times what a look does, and a version that says nothing new.
        if self.exists(spark):
            present = self.read(spark)
            if present.columns == rows.columns and present.collect() == found:
                return len(found)
        writer = spark.createDataFrame(found, rows.schema).coalesce(1).write.format("delta")
        for name, value in PROPERTIES.items():
            writer = writer.option(name, value)
        writer.mode("overwrite").option("overwriteSchema", True).save(self.uri)
        return len(found)

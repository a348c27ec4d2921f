"""Delta tables: made when they are missing, merged by key, replaced whole.

Every write can be repeated: a merge changes only rows that differ, and a table that is replaced
says what its rows were made from. The properties keep the tables
readable for every Delta reader (no deletion vectors, no column mapping).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from operator import and_
from types import MappingProxyType
from typing import Any

from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

NOT_FOUND = "DELTA_TABLE_NOT_FOUND"
"""Delta's error for a folder with a log in which there is no commit."""

CHECKPOINT_INTERVAL = "delta.checkpointInterval"
"""Property: commits between two checkpoints of the log."""

PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    # A checkpoint costs seconds, reading a hundred small commits doesn't.
    CHECKPOINT_INTERVAL: "100",
}

SHORT_LIVED = {
    # It is replaced whole every few seconds, which reads what came since the last checkpoint.
    CHECKPOINT_INTERVAL: "30",
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.logRetentionDuration": "interval 1 hours",
}
"""For a table of which nobody reads an old version: its files and commits go after an hour."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The last commit of a table."""

    version: int
    at: int
    """When it was made, in milliseconds since 1970: the versions of a table that was removed and
    made again begin again."""
    note: Mapping[str, Any]
    """What ``replace`` was given; empty when something else has made the commit."""


@dataclass(frozen=True, slots=True)
class Table:
    """A Delta table by its URI."""

    uri: str

    def create(
        self,
        spark: SparkSession,
        schema: StructType,
        properties: Mapping[str, str] = MappingProxyType({}),
    ) -> bool:
        """Make the table unless it is there, whatever its columns; say whether it was missing."""
        if self.exists(spark):  # a look, where CREATE TABLE IF NOT EXISTS is a command
            return False
        wanted = {**PROPERTIES, **properties}
        builder = DeltaTable.createIfNotExists(spark).location(self.uri).addColumns(schema)
        for name, value in wanted.items():
            builder = builder.property(name, value)
        try:
            builder.execute()
        except AnalysisException as error:
            if error.getCondition() != NOT_FOUND:
                raise
            # Makes a table of a log without a commit, as CREATE doesn't.
            none = spark.createDataFrame([], schema)
            none.write.format("delta").mode("append").options(**wanted).save(self.uri)
        return True

    def exists(self, spark: SparkSession) -> bool:
        """Say whether the table is there."""
        if not DeltaTable.isDeltaTable(spark, self.uri):
            return False
        try:
            self.read(spark)
        except AnalysisException as error:
            if error.getCondition() != NOT_FOUND:
                raise
            return False  # a log without a commit: who made the table was killed
        return True

    def read(self, spark: SparkSession, version: int | None = None) -> DataFrame:
        """Return the table's rows, as they are or as they were at a version."""
        reader = spark.read.format("delta")
        return (reader if version is None else reader.option("versionAsOf", version)).load(self.uri)

    def last_commit(self, spark: SparkSession) -> Commit:
        """Return the last commit."""
        history = DeltaTable.forPath(spark, self.uri).history(1)
        newest = history.select("version", F.unix_millis("timestamp"), "userMetadata").head()
        assert newest is not None
        version, at, text = newest
        return Commit(version, at, _note(text))

    def notes(self, spark: SparkSession, commits: int) -> list[Mapping[str, Any]]:
        """Return what the last commits were given, the newest first; without those of others."""
        history = DeltaTable.forPath(spark, self.uri).history(commits).select("userMetadata")
        return [note for (text,) in history.collect() if (note := _note(text))]

    def compact(self, spark: SparkSession) -> int:
        """Join small files, which changes no row; return how many they were.

        Nothing is committed when there is nothing to join.
        """
        made = DeltaTable.forPath(spark, self.uri).optimize().executeCompaction().head()
        assert made is not None
        return int(made["metrics"]["numFilesRemoved"])

    def vacuum(self, spark: SparkSession) -> None:
        """Remove files that no version needs which the table still keeps.

        How long it keeps one is its property ``delta.deletedFileRetentionDuration``, 7 days by
        default. Files of a write that was killed go as well, when they are that old.
        """
        DeltaTable.forPath(spark, self.uri).vacuum()

    def files(self, spark: SparkSession) -> tuple[int, int]:
        """Return the number and the bytes of the files that hold the rows."""
        found = DeltaTable.forPath(spark, self.uri).detail().head()
        assert found is not None
        return found["numFiles"], found["sizeInBytes"]

    def merge(self, rows: DataFrame, keys: Sequence[str]) -> None:
        """Insert rows with new keys, replace rows that differ; ``rows`` has one row a key."""
        same = reduce(and_, (F.col(f"new.{key}") == F.col(f"old.{key}") for key in keys))
        equal = reduce(
            and_, (F.col(f"new.{n}").eqNullSafe(F.col(f"old.{n}")) for n in rows.columns)
        )
        # A merge writes every file again that holds one of its keys, changed or not: rows that are
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

    def append(self, rows: DataFrame, note: Mapping[str, Any]) -> None:
        """Insert rows whose keys the table hasn't got, which the caller answers for.

        Args:
            rows: what to insert.
            note: kept with the commit.
        """
        writer = rows.write.format("delta").mode("append")
        writer.option("userMetadata", json.dumps(note)).save(self.uri)

    def replace(self, rows: DataFrame, note: Mapping[str, Any]) -> int:
        """Put ``rows`` in the place of all rows.

        Args:
            rows: few enough for the driver, in the order in which the table is to hold them.
            note: kept with the commit, with the number of ``rows``: both are there, or neither.

        Returns:
            The number of rows.
        """
        found = rows.collect()
        frame = rows.sparkSession.createDataFrame(found, rows.schema)
        self.overwrite(frame, {**note, "rows": len(found)})
        return len(found)

    def overwrite(self, rows: DataFrame, note: Mapping[str, Any]) -> None:
        """Put ``rows`` in the place of all rows, in one file; ``note`` is kept with the commit."""
        writer = rows.coalesce(1).write.format("delta").options(**PROPERTIES)
        writer = writer.option("userMetadata", json.dumps(note))
        writer.mode("overwrite").option("overwriteSchema", True).save(self.uri)


def _note(text: str | None) -> Mapping[str, Any]:
    """Read what a commit was given; empty when it is null, or not ours."""
    note: Any = None
    with suppress(TypeError, ValueError):
        note = json.loads(text or "")
    return note if isinstance(note, dict) else {}

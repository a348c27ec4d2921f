"""Hop 7: Delta tables, which are created if missing, merged by key, or replaced as a whole.

Every write can be repeated: a merge changes only rows that differ, and the commit that replaces a
table names the inputs of its rows. The properties keep the tables readable for every Delta reader
(no deletion vectors, no column mapping).
"""

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
"""Delta's error for a folder with a log without a commit."""

CHECKPOINT_INTERVAL = "delta.checkpointInterval"
"""Property: commits between two checkpoints of the log."""

PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    # Writing a checkpoint takes seconds; reading a hundred small commits is quick.
    CHECKPOINT_INTERVAL: "100",
}

SHORT_LIVED = {
    "delta.deletedFileRetentionDuration": "interval 1 hours",
    "delta.logRetentionDuration": "interval 1 hours",
}
"""For a table with a commit every few seconds: what only old versions need goes after an hour."""


@dataclass(frozen=True, slots=True)
class Commit:
    """The last commit of a table."""

    version: int
    at: int
    """When it was made, in milliseconds since 1970: the versions of a table that was removed and
    created again start at 0 again."""
    note: Mapping[str, Any]
    """The ``note`` of the write; empty for a commit of another program."""


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
        """Create the table if it is missing; return whether it was."""
        if self.exists(spark):  # cheaper than CREATE TABLE IF NOT EXISTS
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
            # Unlike CREATE, a write makes a table of a log without a commit.
            none = spark.createDataFrame([], schema)
            none.write.format("delta").mode("append").options(**wanted).save(self.uri)
        return True

    def exists(self, spark: SparkSession) -> bool:
        """Return whether the table exists."""
        if not DeltaTable.isDeltaTable(spark, self.uri):
            return False
        try:
            self.read(spark)
        except AnalysisException as error:
            if error.getCondition() != NOT_FOUND:
                raise
            return False  # a log without a commit: the process that created it was killed
        return True

    def read(self, spark: SparkSession, version: int | None = None) -> DataFrame:
        """Return the table's rows, now or at a version."""
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
        """Return the notes of the last commits, newest first, without commits of other programs."""
        history = DeltaTable.forPath(spark, self.uri).history(commits).select("userMetadata")
        return [note for (text,) in history.collect() if (note := _note(text))]

    def compact(self, spark: SparkSession) -> int:
        """Join small files, which changes no row; return their number.

        There is no commit if there is nothing to join.
        """
        made = DeltaTable.forPath(spark, self.uri).optimize().executeCompaction().head()
        assert made is not None
        return int(made["metrics"]["numFilesRemoved"])

    def vacuum(self, spark: SparkSession) -> None:
        """Remove files that no kept version needs.

        The property ``delta.deletedFileRetentionDuration``, 7 days by default, says how long the
        table keeps a version. Files of a killed write are removed at the same age.
        """
        DeltaTable.forPath(spark, self.uri).vacuum()

    def files(self, spark: SparkSession) -> tuple[int, int]:
        """Return the number and the bytes of the files with the current rows."""
        found = DeltaTable.forPath(spark, self.uri).detail().head()
        assert found is not None
        return found["numFiles"], found["sizeInBytes"]

    def merge(self, rows: DataFrame, keys: Sequence[str]) -> None:
        """Insert rows with new keys, replace rows that differ; ``rows`` has one row per key."""
        same = reduce(and_, (F.col(f"new.{key}") == F.col(f"old.{key}") for key in keys))
        equal = reduce(
            and_, (F.col(f"new.{n}").eqNullSafe(F.col(f"old.{n}")) for n in rows.columns)
        )
        # A merge rewrites every file with one of its keys, changed or not. So rows that the table
        # has already are left out; after a sender's restart they come in thousands.
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
        """Insert rows with new keys; rows with existing keys are the same and stay."""
        same = reduce(and_, (F.col(f"new.{key}").eqNullSafe(F.col(f"old.{key}")) for key in keys))
        (
            DeltaTable.forPath(rows.sparkSession, self.uri)
            .alias("old")
            .merge(rows.alias("new"), same)
            .whenNotMatchedInsertAll()
            .execute()
        )

    def append(self, rows: DataFrame, note: Mapping[str, Any]) -> None:
        """Insert rows without a merge; the caller guarantees that their keys are new.

        Args:
            rows: the rows to insert.
            note: stored in the commit.
        """
        writer = rows.write.format("delta").mode("append")
        writer.option("userMetadata", json.dumps(note)).save(self.uri)

    def replace(self, rows: DataFrame, note: Mapping[str, Any]) -> int:
        """Replace all rows by ``rows``.

        Args:
            rows: few enough for the driver, in the order for the table.
            note: stored in the commit, together with the number of ``rows``.

        Returns:
            The number of rows.
        """
        found = rows.collect()
        frame = rows.sparkSession.createDataFrame(found, rows.schema)
        self.overwrite(frame, {**note, "rows": len(found)})
        return len(found)

    def overwrite(self, rows: DataFrame, note: Mapping[str, Any]) -> None:
        """Replace all rows by ``rows``, in one file; ``note`` is stored in the commit."""
        writer = rows.coalesce(1).write.format("delta").options(**PROPERTIES)
        writer = writer.option("userMetadata", json.dumps(note))
        writer.mode("overwrite").option("overwriteSchema", True).save(self.uri)


def _note(text: str | None) -> Mapping[str, Any]:
    """Parse the note of a commit; empty if it is null or from another program."""
    note: Any = None
    with suppress(TypeError, ValueError):
        note = json.loads(text or "")
    return note if isinstance(note, dict) else {}

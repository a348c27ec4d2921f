"""Hop 7: what open Delta can do and its Python API cannot, by its classes in the JVM.

It is the only module of the jobs that calls the JVM. Databricks' Delta has other classes, and not
every cluster there allows calls of the JVM: then there is no transaction, and no log to clean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from py4j.java_gateway import JavaClass
from pyspark.sql import DataFrame, SparkSession


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that depends on the number which an application has stored in a table."""

    jvm: Any
    java: Any
    application: str

    @classmethod
    def begin(cls, spark: SparkSession, uri: str, application: str) -> Transaction | None:
        """Begin a transaction on the newest version of a table; None without open Delta."""
        if (log := _log(spark, uri)) is None:
            return None
        java = log.startTransaction()
        java.readTxn().addOne(application)  # Delta's conflict check compares these names
        return cls(spark._jvm, java, application)

    @property
    def version(self) -> int:
        """The version of the table on which the transaction begins."""
        return int(self.java.readVersion())

    def number(self) -> int:
        """Read the stored number from the state of the table, -1 if there is none."""
        return int(self.java.txnVersion(self.application))

    def commit(self, rows: DataFrame | None, number: int, note: Mapping[str, Any]) -> int:
        """Add rows and store a number and a note, as Delta's own streaming sink does.

        Returns:
            The new version of the table.

        Raises:
            ConcurrentTransactionException: the number was changed since the transaction began.
        """
        delta, option = self.jvm.org.apache.spark.sql.delta, self.jvm.scala.Option
        nothing = option.empty()
        files = nothing.toList() if rows is None else self.java.writeFiles(rows._jdf)
        stored = delta.actions.SetTransaction(self.application, number, nothing)
        appending = self.jvm.org.apache.spark.sql.streaming.OutputMode.Append()
        update = getattr(delta, "DeltaOperations$StreamingUpdate")
        operation = update(appending, self.application, number, option.apply(json.dumps(note)))
        return int(self.java.commit(files.appended(stored), operation))


def clean_log(spark: SparkSession, uri: str) -> None:
    """Remove commits that are older than the property ``delta.logRetentionDuration``.

    Delta does so by the day, within a commit, which takes minutes for a day of small commits.
    """
    if (log := _log(spark, uri)) is not None:
        jvm: Any = spark._jvm
        none = jvm.scala.Option.empty()
        minute = jvm.org.apache.spark.sql.delta.TruncationGranularity.MINUTE()
        log.cleanUpExpiredLogs(log.unsafeVolatileSnapshot(), none, none, minute)


def _log(spark: SparkSession, uri: str) -> Any:
    """Return Delta's log of a table; None without open Delta."""
    jvm: Any = getattr(spark, "_jvm", None)
    log = jvm and jvm.org.apache.spark.sql.delta.DeltaLog
    return log.forTable(spark._jsparkSession, uri) if isinstance(log, JavaClass) else None

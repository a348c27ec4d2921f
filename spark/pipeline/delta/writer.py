"""Hop 7: the only writer of a table, whose writes fail as soon as its successor has begun.

A lock expires while its owner is suspended, and no look at it can prevent a commit after that
look. Delta's transaction number can: each commit of a writer stores a number in the table's state,
and a commit fails if the number is not the one that this writer stored last. A new writer begins
with a commit of a greater number, before it reads the table. So it reads every row of the writers
before it, and they add none after it.

Delta's own option (``txnVersion``) reads the state for each append, which makes it three times as
expensive. Here a writer remembers its number with the version of the table, and reads the state
only if the version has changed by another commit, as after maintenance. What comes between this
look and the commit is detected by Delta's conflict check (docs/decisions/0012).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from delta.exceptions import ConcurrentTransactionException
from pyspark.sql import DataFrame, SparkSession

from spark.pipeline.delta.open_delta import Transaction
from spark.pipeline.delta.tables import Table
from spark.pipeline.errors import LockError

APPLICATION = "pinterest-data-pipeline"
"""Name of the transaction number in the table's state."""
WRITES = 1 << 20
"""Numbers from one version to the next: more than a writer ever stores without a commit."""
SETTING = "spark.databricks.delta.write"
"""Prefix of the settings with name and number of a MERGE's transaction."""


class TableWriter:
    """Writes a table, as its only writer; without open Delta nothing enforces that.

    Args:
        spark: the session.
        table: an existing table.

    Raises:
        LockError: another writer begins at the same time. The methods raise it if another writer
            has begun since.
    """

    def __init__(self, spark: SparkSession, table: Table) -> None:
        self._spark, self._table = spark, table
        self._version, self._number = -1, 0
        if (transaction := self._begin()) is not None:
            self._commit(transaction, None, (transaction.version + 1) * WRITES, {})

    def append(self, rows: DataFrame, note: Mapping[str, Any]) -> None:
        """Insert rows without a merge; the caller guarantees that their keys are new.

        Args:
            rows: the rows to insert.
            note: stored in the commit.
        """
        if (transaction := self._begin()) is None:
            self._table.append(rows, note)
            return
        if transaction.version != self._version and transaction.number() != self._number:
            raise self._lost
        self._commit(transaction, rows, self._number + 1, note)

    def merge(self, rows: DataFrame, keys: Sequence[str]) -> None:
        """Insert rows with new keys, replace rows that differ; ``rows`` has one row per key."""
        if self._begin() is None:
            self._table.merge(rows, keys)
            return
        settings = rows.sparkSession.conf
        settings.set(f"{SETTING}.txnAppId", APPLICATION)
        settings.set(f"{SETTING}.txnVersion", self._number + 1)
        try:
            self._table.merge(rows, keys)  # no commit if the number is not greater than the state's
        except ConcurrentTransactionException as error:
            raise self._lost from error
        finally:
            settings.unset(f"{SETTING}.txnAppId")
            settings.unset(f"{SETTING}.txnVersion")
        transaction = self._begin()
        assert transaction is not None
        found = transaction.number()
        if found not in (self._number, self._number + 1):
            raise self._lost
        self._version, self._number = transaction.version, found

    @property
    def _lost(self) -> LockError:
        return LockError(f"{self._table.uri}: another run has begun to write this table")

    def _begin(self) -> Transaction | None:
        return Transaction.begin(self._spark, self._table.uri, APPLICATION)

    def _commit(
        self, transaction: Transaction, rows: DataFrame | None, number: int, note: Mapping[str, Any]
    ) -> None:
        try:
            self._version = transaction.commit(rows, number, note)
        except ConcurrentTransactionException as error:
            raise self._lost from error
        self._number = number

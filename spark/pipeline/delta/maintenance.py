"""Hop 7: keeps the number of files small: joins small files, removes those of old versions.

A job maintains the tables of the batch pipeline; the streaming job maintains its own. Others
may read and write the tables meanwhile. The files of a version exist as long as the table keeps the
version. Joining changes no row: it conflicts only with a write that replaces rows of the same
files, and the second of the two commits fails (docs/decisions/0005-batch-pipeline.md). After a
conflict the other tables are maintained as usual.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES
from contract.results import RESULTS
from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.open_delta import clean_log
from spark.pipeline.delta.tables import Table
from spark.pipeline.errors import first_line

CONFLICT = "DELTA_CONCURRENT"
"""Prefix of Delta's errors if another commit came first."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """Result of the maintenance of one table."""

    table: str
    files: int
    """Files with its rows afterwards."""
    bytes: int
    joined: int = 0
    """Small files that were joined into larger ones."""
    conflict: str | None = None
    """Why none were joined: the conflicting write."""


def batch_tables(user_id: str) -> Iterator[str]:
    """Names of the tables of the batch pipeline."""
    yield from (names.table(user_id, entity) for entity in ENTITIES)
    yield from (names.quarantine_table(user_id, entity) for entity in ENTITIES)
    yield from (names.result_table(user_id, result.name) for result in RESULTS)


def maintain(
    spark: SparkSession, root: str, tables: Iterable[str], check_lock: LockCheck
) -> list[TableReport]:
    """Maintain those of ``tables`` that exist, one after the other.

    Args:
        spark: the session.
        root: URI below which the tables are.
        tables: their names.
        check_lock: called before the maintenance of each table.

    Raises:
        LockError: the lock was lost.
    """
    found = (Table(f"{root}/{name}") for name in tables)
    return [
        maintain_table(spark, table, check_lock, nullcontext())
        for table in found
        if table.exists(spark)
    ]


def maintain_table(
    spark: SparkSession,
    table: Table,
    check_lock: LockCheck,
    writing: AbstractContextManager[object],
) -> TableReport:
    """Maintain one table; files are joined within ``writing``, which keeps other writes out."""
    joined, conflict = 0, None
    check_lock()
    try:
        with writing:
            joined = table.compact(spark)
    except (PySparkException, Py4JJavaError) as error:
        if CONFLICT not in str(error):
            raise
        conflict = first_line(error)
    table.vacuum(spark)
    clean_log(spark, table.uri)
    return TableReport(table.uri, *table.files(spark), joined, conflict)

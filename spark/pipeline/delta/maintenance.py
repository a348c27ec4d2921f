"""Keeps the Delta tables in few files: small ones are joined, and those of old versions go.

It may run beside whatever reads and writes the tables. A reader of a version has its files for as
long as the table keeps them. Joining changes no row: it conflicts only with a write that replaces
rows of the same files, and of the two whoever commits second gives up
(docs/decisions/0005-batch-pipeline.md); the tables that are left are looked after all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES
from contract.results import RESULTS
from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import Table
from spark.pipeline.errors import first_line

CONFLICT = "DELTA_CONCURRENT"
"""What Delta's errors begin with when another commit came first."""


@dataclass(frozen=True, slots=True)
class TableReport:
    """What was done for one table."""

    table: str
    files: int
    """Files that hold its rows now."""
    bytes: int
    joined: int = 0
    """Small files that were joined."""
    conflict: str | None = None
    """Why they weren't: what was written meanwhile."""


def batch_tables(user_id: str) -> Iterator[str]:
    """Names of the tables of the batch pipeline."""
    yield from (names.table(user_id, entity) for entity in ENTITIES)
    yield from (names.quarantine_table(user_id, entity) for entity in ENTITIES)
    yield from (names.result_table(user_id, result.name) for result in RESULTS)


def streaming_tables(user_id: str) -> Iterator[str]:
    """Names of the tables of the streaming pipeline."""
    for name in (names.table, names.quarantine_table, names.arrivals_table):
        yield from (name(user_id, entity) for entity in ENTITIES)
    yield names.live_table(user_id)


def maintain(
    spark: SparkSession, root: str, tables: Iterable[str], check_lock: LockCheck
) -> list[TableReport]:
    """Look after those of ``tables`` that are there, one after the other.

    Args:
        spark: the session.
        root: URI below which the tables are.
        tables: their names.
        check_lock: called before each table is looked after.

    Raises:
        LockError: the lock was lost.
    """
    found = (Table(f"{root}/{name}") for name in tables)
    return [_maintain(spark, table, check_lock) for table in found if table.exists(spark)]


def _maintain(spark: SparkSession, table: Table, check_lock: LockCheck) -> TableReport:
    joined, conflict = 0, None
    check_lock()
    try:
        joined = table.compact(spark)
    except (PySparkException, Py4JJavaError) as error:
        if CONFLICT not in str(error):
            raise
        conflict = first_line(error)
    table.vacuum(spark)
    return TableReport(table.uri, *table.files(spark), joined, conflict)

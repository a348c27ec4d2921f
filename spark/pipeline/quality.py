"""The quality gate: reads what the last batch wrote and tells which checks fail.

It only reads: records against rows (``accounts``), and the nulls of the cleaned tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from spark.pipeline import accounts
from spark.pipeline.accounts import Account
from spark.pipeline.checkpoint import FOLDERS, objects_read
from spark.pipeline.errors import MissingError
from spark.pipeline.ingest import Road
from spark.pipeline.objects import records, stored
from spark.pipeline.parse import parse
from spark.pipeline.schemas import KEY
from spark.pipeline.thresholds import null_share

ENOUGH = 100
"""Rows that a share is of at least: of a handful, one says nothing."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check of one entity, or of one of its columns."""

    check: str
    entity: str
    column: str
    value: float | None
    """None when there is nothing to measure, which is a failure."""
    threshold: float
    ok: bool
    detail: str

    def __str__(self) -> str:
        """Name what was checked, its value and its threshold."""
        of = f"{self.entity}.{self.column}" if self.column else self.entity
        value = "unknown" if self.value is None else f"{self.value:.6g}"
        return f"{self.check} of {of} is {value}, threshold {self.threshold:g} ({self.detail})"


def check(
    spark: SparkSession, roads: list[Road], thresholds: Mapping[str, float], until: datetime
) -> list[Check]:
    """Make every check of every entity.

    Args:
        spark: the session.
        roads: where the entities' objects and tables are.
        thresholds: every threshold by name, as ``thresholds.read`` gives them.
        until: end of what is looked at, with a zone.

    Raises:
        MissingError: a table isn't there.
    """
    with ThreadPoolExecutor(len(roads)) as pool:
        made = pool.map(lambda road: _entity(spark, road, thresholds, until), roads)
        return [found for checks in made for found in checks]


def _entity(
    spark: SparkSession, road: Road, thresholds: Mapping[str, float], until: datetime
) -> list[Check]:
    # In this order: what the checkpoint names is in the tables, what they hold is in the objects.
    lines = _text(spark, *(f"{road.checkpoint}/{folder}" for folder in FOLDERS))
    for table in (road.table, road.quarantine):
        if not table.exists(spark):
            raise MissingError(f"there is no table {table.uri}: the batch job has never run")
    cleaned, quarantine = road.table.read(spark), road.quarantine.read(spark)
    there = _or_empty(
        spark,
        lambda: stored(spark.read, road.objects),
        "value string, path string, stored_at timestamp",
    )
    parsed = parse(records(there), road.entity)
    marked = accounts.due(parsed, objects_read(lines), until)
    rows = accounts.accounts(marked, cleaned, quarantine, road.entity).collect()
    by_table = {row["table"]: Account(**row.asDict()) for row in rows}
    of_cleaned, of_quarantine = (
        by_table.get(table, Account(road.entity.name, table))
        for table in (accounts.CLEANED, accounts.QUARANTINE)
    )
    (nulls,) = accounts.nulls(cleaned).collect()
    return [
        *_counts(of_cleaned, of_quarantine, thresholds),
        *_nulls(of_cleaned, nulls.asDict(), thresholds),
        *_freshness(of_cleaned, of_quarantine, thresholds, until),
    ]


def _text(spark: SparkSession, *folders: str) -> DataFrame:
    return _or_empty(
        spark,
        lambda: spark.read.text(list(folders)).selectExpr("value", "_metadata.file_path as file"),
        "value string, file string",
    )


def _or_empty(spark: SparkSession, load: Callable[[], DataFrame], schema: str) -> DataFrame:
    """Return no rows when there are no files, which Spark calls an error."""
    try:
        return load()
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return spark.createDataFrame([], schema)


def _counts(
    cleaned: Account, quarantine: Account, thresholds: Mapping[str, float]
) -> Iterator[Check]:
    name = cleaned.entity
    for account, column in ((cleaned, KEY), (quarantine, "object")):
        detail = (
            f"{account.expected} in the objects, {account.rows} in the {account.table} table:"
            f" {account.missing} missing, {account.surplus} that no object has"
        )
        wrong = account.missing + account.surplus
        yield _judged("row_counts", name, column, wrong, thresholds["row_counts"], detail)
    bad, total = quarantine.records, cleaned.records + quarantine.records
    yield _judged(
        "quarantine_share",
        name,
        "",
        _share(bad, total),
        thresholds["quarantine_share"],
        f"{bad} of {total} records",
    )
    yield _judged(
        "duplicate_keys",
        name,
        KEY,
        cleaned.repeated,
        thresholds["duplicate_keys"],
        f"{cleaned.rows} rows",
    )


def _nulls(
    cleaned: Account, nulls: Mapping[str, int], thresholds: Mapping[str, float]
) -> Iterator[Check]:
    name, rows = cleaned.entity, cleaned.rows
    for column, count in nulls.items():
        share = _share(count, rows)
        threshold = thresholds[null_share(name, column)]
        yield _judged("null_share", name, column, share, threshold, f"{count} of {rows} rows")


def _freshness(
    cleaned: Account, quarantine: Account, thresholds: Mapping[str, float], until: datetime
) -> Iterator[Check]:
    """An object that nobody has read makes no table fresh: those that are due count."""
    times = [a.newest for a in (cleaned, quarantine) if a.newest is not None]
    hours, detail = None, "no object was read"
    if times:
        newest = datetime.fromtimestamp(max(times) / 1000, UTC)
        hours = max((until - newest).total_seconds(), 0) / 3600
        detail = f"hours from {_shown(newest)} to {_shown(until)}"
    yield _judged("freshness", cleaned.entity, "", hours, thresholds["freshness"], detail)


def _share(part: int, whole: int) -> float:
    return part / max(whole, ENOUGH)


def _shown(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _judged(
    check: str, entity: str, column: str, value: float | None, threshold: float, detail: str
) -> Check:
    ok = value is not None and value <= threshold
    return Check(check, entity, column, value, threshold, ok, detail)

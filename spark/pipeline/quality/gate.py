"""Hop 7, the quality gate: compares records with rows, counts nulls, and returns the checks.

It only reads. It parses the objects again and does not rely on the counts of the batch. Meanwhile
the sink may store objects, and another batch may run:

- A record is *due* if a batch that has ended has read its object (``objects_read``), or should have
  read it: the object was stored before ``until`` and before the newest object that was read, and
  a batch lists all objects and takes the oldest first. The times are S3's own. Other records wait
  for the next batch.
- A due record must have its row. A row must have its record, due or not: a batch that runs now may
  have written it already.
"""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contract.entities import Entity
from spark.pipeline.batch.ingest import BatchLocation
from spark.pipeline.errors import MissingError
from spark.pipeline.parse import parse
from spark.pipeline.quality.thresholds import null_share
from spark.pipeline.schemas import KEY
from spark.pipeline.sources.objects import key, records, stored

MIN_TOTAL = 100
"""Smallest denominator of a share, so that one row of a handful does not fail the gate."""

UPLOAD_TIME = timedelta(minutes=1)
"""Longest time from an object's timestamp, the start of its upload, until it can be listed."""

CLEANED, QUARANTINE = "cleaned", "quarantine"
"""The two tables of an entity."""

IDENTITY = (KEY, "object", "line")
"""What identifies a row: the key in the cleaned table, object and line in the quarantine."""


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


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One table of an entity compared with its records; a row of ``reconcile``."""

    entity: str
    table: str
    records: int = 0
    """Records that are due."""
    expected: int = 0
    """Rows expected for them: one per key, or one per quarantined record."""
    newest: int | None = None
    """When the newest object with a due record was stored, in milliseconds since 1970."""
    rows: int = 0
    missing: int = 0
    """Expected rows that do not exist."""
    surplus: int = 0
    """Rows without a record."""
    repeated: int = 0
    """Keys with several rows."""


def check(
    spark: SparkSession,
    locations: list[BatchLocation],
    thresholds: Mapping[str, float],
    until: datetime,
) -> list[Check]:
    """Make every check of every entity.

    Args:
        spark: the session.
        locations: where the entities' objects and tables are.
        thresholds: every threshold by name, as ``thresholds.read`` returns them.
        until: end of the checked interval, with a zone.

    Raises:
        MissingError: a table does not exist.
    """
    with ThreadPoolExecutor(len(locations)) as pool:
        made = pool.map(lambda loc: _check_entity(spark, loc, thresholds, until), locations)
        return [found for checks in made for found in checks]


def _check_entity(
    spark: SparkSession, location: BatchLocation, thresholds: Mapping[str, float], until: datetime
) -> list[Check]:
    # In this order, all objects of the checkpoint are in the tables, and all rows in the objects.
    folders = [f"{location.checkpoint}/{folder}" for folder in ("sources/0", "commits")]
    lines = _or_empty(
        spark,
        lambda: spark.read.text(folders).selectExpr("value", "_metadata.file_path as file"),
        "value string, file string",
    )
    for table in (location.table, location.quarantine):
        if not table.exists(spark):
            raise MissingError(f"there is no table {table.uri}: the batch job has never run")
    cleaned, quarantine = location.table.read(spark), location.quarantine.read(spark)
    objects = _or_empty(
        spark,
        lambda: stored(spark.read, location.objects),
        "value string, path string, stored_at timestamp",
    )
    flagged = flag_due(parse(records(objects), location.entity), objects_read(lines), until)
    rows = reconcile(flagged, cleaned, quarantine, location.entity).collect()
    by_table = {row["table"]: Reconciliation(**row.asDict()) for row in rows}
    name = location.entity.name
    of_cleaned, of_quarantine = (
        by_table.get(table, Reconciliation(name, table)) for table in (CLEANED, QUARANTINE)
    )
    (nulls,) = cleaned.agg(
        *(F.count_if(F.col(column).isNull()).alias(column) for column in cleaned.columns)
    ).collect()
    checks = []
    for check, column, value, detail in _measures(of_cleaned, of_quarantine, nulls.asDict(), until):
        most = thresholds[null_share(name, column) if check == "null_share" else check]
        ok = value is not None and value <= most
        checks.append(Check(check, name, column, value, most, ok, detail))
    return checks


def _or_empty(spark: SparkSession, load: Callable[[], DataFrame], schema: str) -> DataFrame:
    """Return no rows if there are no files, which is an error in Spark."""
    try:
        return load()
    except AnalysisException as error:
        if error.getCondition() != "PATH_NOT_FOUND":
            raise
        return spark.createDataFrame([], schema)


def _measures(
    cleaned: Reconciliation, quarantine: Reconciliation, nulls: Mapping[str, int], until: datetime
) -> Iterator[tuple[str, str, float | None, str]]:
    """Yield check, column, value and detail of all checks of an entity."""
    for table, column in ((cleaned, KEY), (quarantine, "object")):
        detail = (
            f"{table.expected} in the objects, {table.rows} in the {table.table} table:"
            f" {table.missing} missing, {table.surplus} that no object has"
        )
        yield "row_counts", column, table.missing + table.surplus, detail
    bad, total = quarantine.records, cleaned.records + quarantine.records
    yield "quarantine_share", "", bad / max(total, MIN_TOTAL), f"{bad} of {total} records"
    rows = cleaned.rows
    yield "duplicate_keys", KEY, cleaned.repeated, f"{rows} rows"
    for column, count in nulls.items():
        yield "null_share", column, count / max(rows, MIN_TOTAL), f"{count} of {rows} rows"
    # Only due objects count: an object that no batch has read does not make a table fresh.
    times = [a.newest for a in (cleaned, quarantine) if a.newest is not None]
    hours, detail = None, "no object was read"
    if times:
        newest = datetime.fromtimestamp(max(times) / 1000, UTC)
        hours = max((until - newest).total_seconds(), 0) / 3600
        detail = f"hours from {_iso(newest)} to {_iso(until)}"
    yield "freshness", "", hours, detail


def _iso(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def objects_read(lines: DataFrame) -> DataFrame:
    """Return the objects of the batches that have ended, from the checkpoint of their stream.

    A checkpoint keeps the files of each batch in ``sources/0`` (one JSON document a line; every
    tenth file repeats those before it) and a file for each batch that has ended in ``commits``.

    Args:
        lines: ``value`` and ``file`` (its URI), the lines of the files in both folders.

    Returns:
        ``object`` (its key) and ``read_stored_at``, one row an object.
    """
    ended = F.regexp_extract("file", r"/commits/(\d+)$", 1).try_cast("bigint")
    last = lines.select(F.max(ended).alias("last"))
    entry = F.from_json("value", "path string, timestamp bigint, batchId bigint")
    return (
        lines.where(F.col("file").contains("/sources/0/"))
        .select(entry.alias("entry"))
        .join(F.broadcast(last), F.col("entry.batchId") <= F.col("last"))
        .groupBy(key(F.col("entry.path")).alias("object"))
        .agg(F.max(F.timestamp_millis("entry.timestamp")).alias("read_stored_at"))
    )


def flag_due(parsed: DataFrame, read: DataFrame, until: datetime) -> DataFrame:
    """Add ``due``: whether a record must have a row.

    Args:
        parsed: the result of ``parse``.
        read: the result of ``objects_read``.
        until: end of the checked interval; objects stored later may wait.
    """
    stored_at = F.col("position.stored_at")
    newest = read.agg((F.max("read_stored_at") - F.lit(UPLOAD_TIME)).alias("settled"))
    overdue = (stored_at < F.lit(until)) & (stored_at < F.col("settled"))
    return (
        parsed.join(F.broadcast(read), F.col("position.object") == F.col("object"), "left")
        .join(F.broadcast(newest))
        .withColumn("due", F.col("object").isNotNull() | F.coalesce(overdue, F.lit(False)))
        .select(*parsed.columns, "due")
    )


def reconcile(
    flagged: DataFrame, cleaned: DataFrame, quarantine: DataFrame, of: Entity
) -> DataFrame:
    """Compare records with rows.

    Args:
        flagged: the result of ``flag_due``.
        cleaned: the entity's cleaned table.
        quarantine: its quarantine table.
        of: the entity.

    Returns:
        One row per table that has rows or records, with the columns of ``Reconciliation``.
    """
    good = F.col("rule").isNull()
    nothing = F.lit(None)
    records = flagged.select(
        F.when(good, CLEANED).otherwise(QUARANTINE).alias("table"),
        F.when(good, F.col(f"row.`{of.key}`")).alias(KEY),
        F.when(~good, F.col("position.object")).alias("object"),
        F.when(~good, F.col("position.line")).alias("line"),
        F.col("due").cast("int").alias("due"),
        F.lit(1).alias("stored"),
        F.lit(0).alias("rows"),
        F.when(F.col("due"), F.col("position.stored_at")).alias("stored_at"),
    )
    counted = (F.lit(0).alias("due"), F.lit(0).alias("stored"), F.lit(1).alias("rows"))
    kept = cleaned.select(
        F.lit(CLEANED), KEY, nothing, nothing, *counted, nothing.cast("timestamp")
    ).unionAll(
        quarantine.select(
            F.lit(QUARANTINE), nothing, "object", "line", *counted, nothing.cast("timestamp")
        )
    )
    has_row, is_due = F.col("rows") > 0, F.col("due") > 0
    return (
        records.unionAll(kept)
        .groupBy("table", *IDENTITY)
        .agg(
            *(F.sum(n).alias(n) for n in ("due", "stored", "rows")), F.max("stored_at").alias("at")
        )
        .groupBy(F.lit(of.name).alias("entity"), "table")
        .agg(
            F.sum("due").alias("records"),
            F.count_if(is_due).alias("expected"),
            F.max(F.unix_millis("at")).alias("newest"),
            F.sum("rows").alias("rows"),
            F.count_if(is_due & ~has_row).alias("missing"),
            F.sum(F.when(F.col("stored") == 0, F.col("rows")).otherwise(0)).alias("surplus"),
            F.count_if(F.col("rows") > 1).alias("repeated"),
        )
    )

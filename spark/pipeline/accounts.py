"""What the tables hold against what the objects hold: the frames of the quality gate.

Objects are read and parsed anew, so nothing is trusted that the batch has counted. The sink may go
on storing meanwhile, and another batch may run:

- A record is *due* when its object was read by a batch that has ended (``checkpoint``). Others wait
  for the next batch, unless they should have been read: their object was stored before ``until``
  and before the newest object that was read, for a batch lists all objects and takes the oldest
  first. The times are S3's; no clock of ours decides what should have been read.
- A due record must have its row. A row must have its record, due or not: a batch that runs now may
  have written it already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contract.entities import Entity
from spark.pipeline.schemas import KEY

SETTLING = timedelta(minutes=1)
"""An upload is dated when it starts and seen when it ends: so much later at most."""

CLEANED, QUARANTINE = "cleaned", "quarantine"
"""The two tables of an entity."""

IDENTITY = (KEY, "object", "line")
"""What tells rows apart: the key in the cleaned table, object and line in the quarantine."""


@dataclass(frozen=True, slots=True)
class Account:
    """One table of an entity against its records; a row of ``accounts``."""

    entity: str
    table: str
    records: int = 0
    """Records that are due."""
    expected: int = 0
    """Rows that they should be: one a key, or one a quarantined record."""
    newest: int | None = None
    """When the newest object with such a record was stored, in milliseconds since 1970."""
    rows: int = 0
    missing: int = 0
    """Rows that should be there and are not."""
    surplus: int = 0
    """Rows that no record explains."""
    repeated: int = 0
    """Keys with several rows."""


def due(parsed: DataFrame, read: DataFrame, until: datetime) -> DataFrame:
    """Mark the records that must have a row.

    Args:
        parsed: what ``parse.parse`` gives.
        read: what ``checkpoint.objects_read`` gives.
        until: end of what is looked at; objects that were stored later may wait.
    """
    stored_at = F.col("position.stored_at")
    newest = read.agg((F.max("read_stored_at") - F.lit(SETTLING)).alias("settled"))
    overdue = (stored_at < F.lit(until)) & (stored_at < F.col("settled"))
    return (
        parsed.join(F.broadcast(read), F.col("position.object") == F.col("object"), "left")
        .join(F.broadcast(newest))
        .withColumn("due", F.col("object").isNotNull() | F.coalesce(overdue, F.lit(False)))
        .select(*parsed.columns, "due")
    )


def accounts(marked: DataFrame, cleaned: DataFrame, quarantine: DataFrame, of: Entity) -> DataFrame:
    """Hold records and rows against each other.

    Args:
        marked: what ``due`` gives.
        cleaned: the entity's cleaned table.
        quarantine: its quarantine table.
        of: the entity.

    Returns:
        A row for each of the two tables that has anything, with the columns of ``Account``.
    """
    good = F.col("rule").isNull()
    nothing = F.lit(None)
    records = marked.select(
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


def nulls(cleaned: DataFrame) -> DataFrame:
    """Count the nulls of each column: one row with the same columns."""
    return cleaned.agg(*(F.count_if(F.col(name).isNull()).alias(name) for name in cleaned.columns))

"""Hop 7, the batch pipeline's first half: from new objects to the cleaned tables.

A file stream per entity reads each object once and ends after the last one. Its checkpoint is in
the folder of the tables, so that both are lost or kept together. After a killed run, the next run
reads the same objects as one batch again. Both writes of a batch can be repeated: the merge by key
and the addition by position.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.streaming import StreamingQuery

from contract import names
from contract.entities import Entity
from contract.errors import PipelineError
from spark.pipeline import cleaning, parse
from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import Table
from spark.pipeline.errors import JobError, first_line
from spark.pipeline.schemas import CLEANED, KEY, QUARANTINE
from spark.pipeline.sources.objects import records, stored

OBJECTS_A_BATCH = 20_000
"""Bounds the file names in the driver's memory; Spark spills the records to disk if necessary."""


@dataclass
class Counts:
    """What a run read and wrote of one entity, and the state of its table afterwards."""

    entity: str
    batches: int = 0
    objects: int = 0
    records: int = 0
    good: int = 0
    quarantined: int = 0
    quarantined_by_rule: dict[str, int] = field(default_factory=dict)
    table: str = ""
    table_rows: int = 0
    table_version: int = 0


@dataclass(frozen=True, slots=True)
class BatchLocation:
    """Where one entity's objects are and where its rows are written."""

    entity: Entity
    objects: str
    table: Table
    quarantine: Table
    checkpoint: str

    @classmethod
    def of(cls, entity: Entity, user_id: str, objects_root: str, root: str) -> BatchLocation:
        """Derive the paths of one entity from the two roots."""
        topic = names.topic(user_id, entity)
        return cls(
            entity,
            f"{objects_root}/{topic}",
            Table(f"{root}/{names.table(user_id, entity)}"),
            Table(f"{root}/{names.quarantine_table(user_id, entity)}"),
            f"{root}/_checkpoints/{entity.name}",
        )


def ingest(
    spark: SparkSession, locations: list[BatchLocation], check_lock: LockCheck
) -> list[Counts]:
    """Read every new object of every entity into its tables.

    Raises:
        JobError: a batch failed; rows already written stay and are not written twice.
        LockError: the lock was lost before a write.
    """
    failures: list[Exception] = []
    counts = [Counts(location.entity.name, table=location.table.uri) for location in locations]
    queries = [
        _start(spark, location, count, check_lock, failures)
        for location, count in zip(locations, counts, strict=True)
    ]
    try:
        for query in queries:
            query.awaitTermination()
    except StreamingQueryException as error:
        cause = failures[0] if failures else error
        if isinstance(cause, PipelineError):
            raise cause from error
        raise JobError(f"reading new objects failed: {first_line(cause)}") from cause
    finally:
        for query in queries:
            query.stop()
    with ThreadPoolExecutor(len(locations)) as pool:
        list(pool.map(lambda pair: _count_rows(spark, *pair), zip(locations, counts, strict=True)))
    return counts


def _count_rows(spark: SparkSession, location: BatchLocation, counts: Counts) -> None:
    counts.table_version = location.table.last_commit(spark).version
    counts.table_rows = location.table.read(spark).count()


def _start(
    spark: SparkSession,
    location: BatchLocation,
    counts: Counts,
    check_lock: LockCheck,
    failures: list[Exception],
) -> StreamingQuery:
    location.table.create(spark, CLEANED[location.entity])
    location.quarantine.create(spark, QUARANTINE)
    reader = spark.readStream.option("maxFilesPerTrigger", OBJECTS_A_BATCH)
    objects = stored(reader, location.objects)

    def write(batch: DataFrame, _: int) -> None:
        try:
            _write(batch, location, counts, check_lock)
        except Exception as error:
            failures.append(error)  # the query's own error contains it as text only
            raise

    return (
        objects.writeStream.queryName(location.entity.name)
        .foreachBatch(write)
        .option("checkpointLocation", location.checkpoint)
        .trigger(availableNow=True)
        .start()
    )


def _write(
    objects: DataFrame, location: BatchLocation, counts: Counts, check_lock: LockCheck
) -> None:
    """Write one batch, the quarantine first: a written row then implies its batch's quarantine."""
    parsed = parse.parse(records(objects), location.entity).persist()
    try:
        total = parsed.groupBy("rule").agg(
            F.count("*").alias("records"),
            F.count_if(F.col("position.line") == 1).alias("objects"),
        )
        found = total.collect()
        by_rule = {row["rule"]: row["records"] for row in found}
        if set(by_rule) - {None}:
            check_lock()
            location.quarantine.add(parse.quarantined(parsed), ("object", "line"))
        if None in by_rule:
            check_lock()
            cleaned = cleaning.clean(parse.good(parsed), location.entity)
            location.table.merge(cleaning.newest(cleaned), (KEY,))
    finally:
        parsed.unpersist()
    counts.batches += 1
    counts.objects += sum(row["objects"] for row in found)
    counts.records += sum(by_rule.values())
    counts.good += by_rule.pop(None, 0)
    counts.quarantined += sum(by_rule.values())
    for rule, count in by_rule.items():
        counts.quarantined_by_rule[rule] = counts.quarantined_by_rule.get(rule, 0) + count

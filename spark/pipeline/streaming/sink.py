"""Hop 7: from the records of a stream to its cleaned table and its live metrics.

The batches of a stream pass through the same functions as the objects of the batch pipeline. A
batch that is read again adds nothing: the quarantine has the positions of its bad records, the
cleaned table has its rows, and its posts are counted (docs/decisions/0012-streaming-pipeline.md).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from contract import names
from contract.entities import GEO, PIN, USER, Entity
from spark.pipeline import cleaning, parse
from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import CHECKPOINT_INTERVAL, SHORT_LIVED, Table
from spark.pipeline.delta.writer import TableWriter
from spark.pipeline.schemas import CLEANED, COUNTED_POSTS, KEY, STREAM_QUARANTINE
from spark.pipeline.sources.streams import records
from spark.pipeline.streaming.counted_posts import CountedPosts, last_hour
from spark.pipeline.streaming.live_table import LiveTable
from spark.pipeline.streaming.metrics import LiveMetrics, Post
from spark.pipeline.streaming.row_cache import RowCache, fingerprint

DIMENSION = {PIN: "category", GEO: "country", USER: ""}
"""The column by whose values posts are counted."""

CHECKPOINTS = {PIN: "200", GEO: "250", USER: "300"}
"""Commits between two checkpoints of an entity's table. A checkpoint takes seconds, in which its
query writes nothing else, so checkpoints are rare, and their intervals differ."""

RECORD_ID = ("stream", "shard", "sequence_number")
"""Columns that identify a record."""

ONE_FILE_LIMIT = 100_000
"""Posts below which a batch is written as one file."""


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class StreamLocation:
    """Where the rows of one entity's stream are written."""

    entity: Entity
    stream: str
    table: Table
    quarantine: Table
    counted_posts: Table

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables of the entity."""
        return self.table, self.quarantine, self.counted_posts

    @classmethod
    def of(cls, entity: Entity, user_id: str, root: str) -> StreamLocation:
        """Derive the tables of one entity from the root."""
        return cls(
            entity,
            names.stream(user_id, entity),
            Table(f"{root}/{names.table(user_id, entity)}"),
            Table(f"{root}/{names.quarantine_table(user_id, entity)}"),
            Table(f"{root}/{names.arrivals_table(user_id, entity)}"),
        )


def prepared(rows: DataFrame, entity: Entity) -> DataFrame:
    """Parse and clean rows of the Kinesis source, in a batch or a stream, for ``Sink``.

    Applied to the stream, because building this plan for each batch would take half a second.

    Returns:
        The columns of ``schemas.CLEANED``, meaningless in a record that breaks a rule, and
        ``position``, ``raw``, ``rule`` and ``reason``.
    """
    parsed = parse.parse(records(rows), entity).select("raw", "position", "rule", "reason", "row.*")
    return cleaning.clean(parsed, entity, "raw", "rule", "reason")


class Sink:
    """Writes the batches of one stream, called by ``foreachBatch``.

    A sink caches the content of its tables. So it must be their only writer, which ``TableWriter``
    ensures, and after a failed write it must be replaced by a new sink, which reads the tables.

    Args:
        spark: the session.
        location: where the rows are written; missing tables are created.
        live_table: writes the live metrics.
        check_lock: called before each commit.
        clock: returns the time in milliseconds since 1970.
    """

    def __init__(
        self,
        spark: SparkSession,
        location: StreamLocation,
        live_table: LiveTable,
        check_lock: LockCheck,
        clock: Callable[[], int] = now,
    ) -> None:
        self._location, self._live_table = location, live_table
        self._check_lock, self._clock = check_lock, clock
        properties = {**SHORT_LIVED, CHECKPOINT_INTERVAL: CHECKPOINTS[location.entity]}
        with ThreadPoolExecutor() as pool:
            tables = (
                pool.submit(location.table.create, spark, CLEANED[location.entity], properties),
                pool.submit(location.quarantine.create, spark, STREAM_QUARANTINE, SHORT_LIVED),
                pool.submit(location.counted_posts.create, spark, COUNTED_POSTS, SHORT_LIVED),
            )
        # New tables are not read: while the JVM is cold, even an empty one takes seconds.
        cleaned, bad, counted = (made.result() for made in tables)
        self._writer = TableWriter(spark, location.table)  # before the table is read
        self._row_cache = RowCache(None if cleaned else location.table.read(spark))
        self._counted_posts = CountedPosts(
            spark, location.counted_posts, location.table, check_lock, cleaned and counted
        )
        quarantined = [] if bad else last_hour(location.quarantine.read(spark), "rule")
        dimension = DIMENSION[location.entity]
        self._live = LiveMetrics(
            location.stream,
            dimension,
            self._counted_posts.found,
            ((at, rule, 1) for at, rule in quarantined),
        )
        # A killed job may have written posts that are missing in its live metrics.
        if found := self._live.rows():
            live_table.publish(location.stream, found)
        self._first = True
        self._columns = CLEANED[location.entity].names
        label = F.col(dimension) if dimension else F.lit(None).cast("string")
        self._post = (
            F.col(KEY),
            fingerprint(self._columns).alias("value"),
            label.alias("label"),
        )

    def __call__(self, batch: DataFrame, batch_id: int) -> None:
        """Write a batch of rows from ``prepared``."""
        batch.persist()
        try:
            # As a number, because Python's dates use the machine's zone.
            at = F.unix_millis("position.arrived_at").alias("at")
            found = batch.select("rule", at, *self._post).collect()
            bad = Counter((row["at"], row["rule"]) for row in found if row["rule"])
            if bad:
                self._quarantine(batch, [(at, rule, count) for (at, rule), count in bad.items()])
            good = [row for row in found if not row["rule"]]
            if good:
                self._clean(batch.where("rule is null"), good, batch_id)
        finally:
            batch.unpersist()
        self._first = False
        self._live_table.publish(self._location.stream, self._live.rows())

    def flush(self) -> None:
        """Write the counted posts and the live metrics of the last batch, and wait for both."""
        self._counted_posts.flush()
        self._live_table.flush()

    def _quarantine(self, batch: DataFrame, bad: list[tuple[int, str, int]]) -> None:
        rows = parse.quarantined(batch).select(STREAM_QUARANTINE.names)
        if self._first:  # an earlier start may have written it, and its records are counted
            stored = self._location.quarantine.read(batch.sparkSession).select(*RECORD_ID)
            fresh = rows.join(stored, list(RECORD_ID), "left_anti")
            at = F.unix_millis("arrived_at").alias("at")
            found = fresh.groupBy(at, "rule").count().collect()
            bad = [(row["at"], row["rule"], row["count"]) for row in found]
        self._check_lock()
        self._location.quarantine.add(rows, RECORD_ID)
        self._live.quarantine(bad)

    def _clean(self, rows: DataFrame, found: list[Row], batch_id: int) -> None:
        """Write the good records, the newest of each key."""
        if len({row[KEY] for row in found}) == len(found):
            self._write_and_count(rows, found, batch_id)
            return
        first = F.min("position.arrived_at").alias("arrived_at")
        newest = cleaning.newest(rows.select(*self._columns, "position"), first).persist()
        try:
            at = F.unix_millis("arrived_at").alias("at")
            self._write_and_count(newest, newest.select(at, *self._post).collect(), batch_id)
        finally:
            newest.unpersist()

    def _write_and_count(self, rows: DataFrame, found: list[Row], batch_id: int) -> None:
        """Write rows, one per key, and count their posts by their first arrivals."""
        posts = [Post(row["at"], row[KEY], row["label"]) for row in found]
        counted = self._live.count(posts)
        rest = self._write(rows.select(self._columns), found, batch_id, counted)
        self._live.record_delays(self._clock(), (post.arrived_at for post in posts))
        self._counted_posts.add(rest)

    def _write(
        self, rows: DataFrame, found: list[Row], batch_id: int, counted: list[Post]
    ) -> list[Post]:
        """Write new and changed rows; return the counted posts that are in no note."""
        values = [(row[KEY], row["value"]) for row in found]
        keys, new = self._row_cache.changes(values)
        if not keys:
            return counted
        if len(keys) < len(found):
            wanted = rows.sparkSession.createDataFrame([(key,) for key in keys], f"{KEY} bigint")
            rows = rows.join(F.broadcast(wanted), KEY, "left_semi")
        if len(found) < ONE_FILE_LIMIT:
            rows = rows.coalesce(1)
        self._check_lock()
        noted: Mapping[str, Any] = {}
        if new:
            noted = self._counted_posts.note(counted)
            self._writer.append(rows, {"batch": batch_id, **noted})
        else:
            self._writer.merge(rows, (KEY,))
        self._row_cache.remember(values)
        return [] if noted else counted

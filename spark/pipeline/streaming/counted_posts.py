"""The counted posts of one stream: a table, and what the newest commits tell that it lacks yet.

A batch is a commit, and a second one for a handful of counted posts would cost as much as the
first. So the commit of the cleaned table carries them as its note, there or not there together with
the rows, and the table of counted posts takes what has come together every ``BATCHES`` batches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import Table
from spark.pipeline.schemas import KEY
from spark.pipeline.streaming.metrics import HOUR, Post

BATCHES = 20
"""Batches whose posts may be told by commits alone."""
COMMITS = 100
"""Commits whose notes a start reads. More than ``BATCHES``, as others commit too, and each start
that is killed soon adds one."""
NOTED = 1_000
"""Posts that a note may tell, of some 40 bytes each."""


def last_hour(table: DataFrame, *columns: str, since: int | None = None) -> list[Row]:
    """Return arrival in milliseconds and ``columns`` of the rows of the hour before the newest.

    Args:
        table: has a column ``arrived_at``.
        columns: what else to return.
        since: milliseconds; rows that arrived from then on are returned as well.
    """
    # As a number: Python's dates are of the machine's zone.
    at = F.unix_millis("arrived_at")
    (newest,) = table.agg(F.max(at)).collect()[0]
    if newest is None:
        return []
    begin = newest - HOUR + 1 if since is None else min(since, newest - HOUR + 1)
    recent = table.where(F.col("arrived_at") >= F.timestamp_millis(F.lit(begin)))
    rows: list[Row] = recent.select(at, *columns).collect()
    return rows


class CountedPosts:
    """Keeps the counted posts, as their only writer.

    Args:
        spark: the session.
        table: holds ``schemas.COUNTED_POSTS``.
        beside: the cleaned table, whose commits have notes.
        check_lock: called before each commit.
        fresh: whether both tables were just made, so that there is nothing to read.
    """

    def __init__(
        self,
        spark: SparkSession,
        table: Table,
        beside: Table,
        check_lock: LockCheck,
        fresh: bool = False,
    ) -> None:
        self._spark, self._table, self._check_lock = spark, table, check_lock
        told: list[Post] = []
        held: list[Post] = []
        if not fresh:
            notes = beside.notes(spark, COMMITS)
            told = [Post(*post) for note in notes for post in note.get("arrivals", ())]
            since = min((post.arrived_at for post in told), default=None)
            rows = last_hour(table.read(spark), KEY, "label", since=since)
            held = [Post(*row) for row in rows]
        there = {(post.key, post.arrived_at) for post in held}
        self._waiting = [post for post in told if (post.key, post.arrived_at) not in there]
        self._batches = BATCHES if self._waiting else 0
        self.found = [*held, *self._waiting]
        """Counted posts of the last hour, and older ones."""

    def note(self, posts: Sequence[Post]) -> Mapping[str, Any]:
        """Return what the commit of the batch's rows is to be given; empty if it is too much."""
        if not 0 < len(posts) <= NOTED:
            return {}
        self._waiting += posts
        return {"arrivals": [(post.arrived_at, post.key, post.label) for post in posts]}

    def add(self, posts: Sequence[Post]) -> None:
        """End a batch, with the posts that no commit tells."""
        self._waiting += posts
        self._batches += 1
        if posts or self._batches >= BATCHES:
            self.flush()

    def flush(self) -> None:
        """Write what only notes tell into the table."""
        self._batches = 0
        if not self._waiting:
            return
        rows = [(post.key, post.arrived_at, post.label) for post in self._waiting]
        schema = f"{KEY} bigint, arrived_at bigint, label string"
        frame = self._spark.createDataFrame(rows, schema)
        dated = frame.withColumn("arrived_at", F.timestamp_millis("arrived_at"))
        self._check_lock()
        self._table.append(dated.coalesce(1), {})
        self._waiting = []

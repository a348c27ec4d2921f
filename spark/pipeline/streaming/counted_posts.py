"""Hop 7: the counted posts of one stream, in a table and in notes of the newest commits.

Each batch is a commit, and a second commit for a few counted posts would cost as much as the first.
So the note of the cleaned table's commit contains them, atomically with the rows, and every
``BATCHES`` batches the posts of the notes are written to the table of counted posts.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import Table
from spark.pipeline.delta.writer import TableWriter
from spark.pipeline.schemas import KEY
from spark.pipeline.streaming.metrics import HOUR, Post

BATCHES = 20
"""Batches whose counted posts may be in notes only."""
COMMITS = 100
"""Commits whose notes a start reads. More than ``BATCHES``, because other programs commit too, and
each start that is soon killed adds one."""
MAX_NOTED = 1_000
"""Posts in a note at most, of some 40 bytes each."""


def last_hour(table: DataFrame, *columns: str, since: int | None = None) -> list[Row]:
    """Return arrival in milliseconds and ``columns`` of the rows of the last hour of a table.

    Args:
        table: with a column ``arrived_at``; its newest row ends the hour.
        columns: what else to return.
        since: milliseconds; rows that arrived at or after this time are returned as well.
    """
    # As a number, because Python's dates use the machine's zone.
    at = F.unix_millis("arrived_at")
    (newest,) = table.agg(F.max(at)).collect()[0]
    if newest is None:
        return []
    begin = newest - HOUR + 1 if since is None else min(since, newest - HOUR + 1)
    recent = table.where(F.col("arrived_at") >= F.timestamp_millis(F.lit(begin)))
    rows: list[Row] = recent.select(at, *columns).collect()
    return rows


class CountedPosts:
    """Stores the counted posts, as their only writer.

    Args:
        spark: the session.
        table: has the columns ``schemas.COUNTED_POSTS``.
        cleaned: the cleaned table, whose commits have the notes.
        check_lock: called before each commit.
        fresh: whether both tables were just created and are empty.
    """

    def __init__(
        self, spark: SparkSession, table: Table, cleaned: Table, check_lock: LockCheck, fresh: bool
    ) -> None:
        self._spark, self._check_lock = spark, check_lock
        self._writer = TableWriter(spark, table)  # before the table is read
        noted: list[Post] = []
        stored: list[Post] = []
        if not fresh:
            notes = cleaned.notes(spark, COMMITS)
            noted = [Post(*post) for note in notes for post in note.get("arrivals", ())]
            since = min((post.arrived_at for post in noted), default=None)
            rows = last_hour(table.read(spark), KEY, "label", since=since)
            stored = [Post(*row) for row in rows]
        known = {(post.key, post.arrived_at) for post in stored}
        self._waiting = [post for post in noted if (post.key, post.arrived_at) not in known]
        self._batches = BATCHES if self._waiting else 0
        self.found = [*stored, *self._waiting]
        """Counted posts of the last hour, and some older ones."""

    def note(self, posts: Sequence[Post]) -> Mapping[str, Any]:
        """Return the note for the commit of the batch's rows; empty if there are too many posts."""
        if not 0 < len(posts) <= MAX_NOTED:
            return {}
        self._waiting += posts
        return {"arrivals": [(post.arrived_at, post.key, post.label) for post in posts]}

    def add(self, posts: Sequence[Post]) -> None:
        """End a batch, with the posts that are in no note."""
        self._waiting += posts
        self._batches += 1
        if posts or self._batches >= BATCHES:
            self.flush()

    def flush(self) -> None:
        """Write the posts that are only in notes to the table."""
        self._batches = 0
        if not self._waiting:
            return
        rows = [(post.key, post.arrived_at, post.label) for post in self._waiting]
        schema = f"{KEY} bigint, arrived_at bigint, label string"
        frame = self._spark.createDataFrame(rows, schema)
        dated = frame.withColumn("arrived_at", F.timestamp_millis("arrived_at"))
        self._check_lock()
        self._writer.append(dated.coalesce(1), {})
        self._waiting = []

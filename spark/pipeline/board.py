"""Puts the live metrics of one stream into their table, behind the batches' back.

The table is replaced whole, which costs more than a small batch, and only the newest state is of
interest: a batch hands its metrics over and goes on, and what is newest is written every
``REFRESH`` seconds at most, on a slow or busy machine ``PAUSE`` times as long after a write as it
has taken.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark.pipeline.lock import Guard
from spark.pipeline.metrics import LiveRow
from spark.pipeline.tables import Table

REFRESH = 5.0
"""Seconds between the beginnings of two writes, at least."""
PAUSE, LONGEST_PAUSE = 8, 16.0
"""How long it pauses after a write, in times of that write, and in seconds at most: three boards
write for a third of the time."""

_SCHEMA = (
    "metric string, window string, start bigint, end bigint, label string, value bigint, rank int"
)

_TURN = threading.Lock()
"""Held during a write: two boards at once would keep the batches of all streams waiting."""


class Board:
    """The table of the live metrics of one stream, by its only writer.

    Args:
        table: holds ``schemas.LIVE``.
        guard: called before each commit.
    """

    def __init__(self, table: Table, guard: Guard) -> None:
        self._table, self._guard = table, guard
        self._pool = ThreadPoolExecutor(1, "board")
        self._newest: list[LiveRow] = []
        self._shown = self._newest
        self._due = 0.0
        self._hurry = threading.Event()
        self._write: Future[None] | None = None

    def show(self, spark: SparkSession, rows: list[LiveRow]) -> None:
        """Have these rows written soon, unless newer ones come before.

        Raises:
            Exception: what the write before has failed with.
        """
        if self._write is not None and self._write.done():
            self._write.result()
        self._newest = rows
        self._write = self._pool.submit(self._take, spark)

    def flush(self) -> None:
        """Write what is newest at once, and wait for it."""
        self._hurry.set()
        try:
            if self._write is not None:
                self._write.result()
        finally:
            self._hurry.clear()

    def _take(self, spark: SparkSession) -> None:
        if self._newest is self._shown:  # a task before has written it
            return
        self._hurry.wait(max(0.0, self._due - time.monotonic()))
        with _TURN:
            rows, begun = self._newest, time.monotonic()
            frame = spark.createDataFrame(rows, _SCHEMA)
            dates = {name: F.timestamp_millis(name) for name in ("start", "end")}
            self._guard()
            self._table.overwrite(frame.withColumns(dates), {})
        self._shown = rows
        end = time.monotonic()
        self._due = max(begun + REFRESH, end + min(PAUSE * (end - begun), LONGEST_PAUSE))

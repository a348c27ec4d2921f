"""Puts the live metrics of all streams into their table, behind the batches' back.

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

from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import SHORT_LIVED, Table
from spark.pipeline.schemas import LIVE
from spark.pipeline.streaming.metrics import LiveRow

REFRESH = 5.0
"""Seconds between the beginnings of two writes, at least."""
PAUSE, LONGEST_PAUSE = 8, 16.0
"""How long it pauses after a write, in times of that write, and in seconds at most."""

_MILLIS = (
    "stream string, metric string, window string, start bigint, end bigint, label string,"
    " value bigint, rank int"
)
_Row = tuple[str, str, str, int, int, str | None, int, int]


class LiveTable:
    """The table of the live metrics, by its only writer.

    Args:
        spark: the session.
        table: holds ``schemas.LIVE``; it is made if it is missing. What it holds of a stream stays
            until that stream has something to show.
        check_lock: called before each commit.
    """

    def __init__(self, spark: SparkSession, table: Table, check_lock: LockCheck) -> None:
        self._spark, self._table, self._check_lock = spark, table, check_lock
        self._pool = ThreadPoolExecutor(1, "live metrics")
        self._lock = threading.Lock()
        self._before: dict[str, list[_Row]] | None = None
        """What the table held before the first write; None until it was read."""
        self._newest: dict[str, list[_Row]] = {}
        self._unwritten = False
        self._next_write = 0.0
        self._hurry = threading.Event()
        self._error: Exception | None = None
        self._task: Future[None] = self._pool.submit(self._try_write)

    def publish(self, stream: str, rows: list[LiveRow]) -> None:
        """Have these rows of a stream written soon, unless newer ones come before.

        Raises:
            Exception: what a write before has failed with.
        """
        self._raise()
        with self._lock:
            self._newest[stream] = [(stream, *row) for row in rows]
            self._unwritten = True
            self._task = self._pool.submit(self._try_write)

    def flush(self) -> None:
        """Write what is newest at once, and wait for it.

        Raises:
            Exception: what the write has failed with.
        """
        self._hurry.set()
        try:
            self._task.result()
        finally:
            self._hurry.clear()
        self._raise()

    def _raise(self) -> None:
        with self._lock:
            error, self._error = self._error, None
        if error is not None:
            raise error

    def _try_write(self) -> None:
        try:
            self._write()
        except Exception as error:  # whoever shows something next is told
            with self._lock:
                self._error, self._unwritten = error, True

    def _write(self) -> None:
        if self._before is None:
            self._before = self._read()
        if not self._unwritten:  # a task before has written it
            return
        self._hurry.wait(max(0.0, self._next_write - time.monotonic()))
        begun = time.monotonic()
        with self._lock:
            shown = {**self._before, **self._newest}
            self._unwritten = False
        rows = [row for of_stream in shown.values() for row in of_stream]
        frame = self._spark.createDataFrame(rows, _MILLIS)
        dates = {name: F.timestamp_millis(name) for name in ("start", "end")}
        self._check_lock()
        self._table.overwrite(frame.withColumns(dates), {})
        end = time.monotonic()
        self._next_write = max(begun + REFRESH, end + min(PAUSE * (end - begun), LONGEST_PAUSE))

    def _read(self) -> dict[str, list[_Row]]:
        """Return the rows that are there by stream; make the table if it is missing."""
        if self._table.create(self._spark, LIVE, SHORT_LIVED):
            return {}
        # As numbers: Python's dates are of the machine's zone.
        dates = {name: F.unix_millis(name) for name in ("start", "end")}
        found: dict[str, list[_Row]] = {}
        for row in self._table.read(self._spark).withColumns(dates).collect():
            found.setdefault(row["stream"], []).append(tuple(row))
        return found

"""Hop 7: writes the live metrics of all streams to their table, in a thread of its own.

A write replaces the table, which takes longer than a small batch, and only the newest state is of
interest. So a batch hands its metrics over without waiting, and the newest are written every
``REFRESH`` seconds at most; on a slow or busy machine the pause after a write is ``PAUSE`` times as
long as the write.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import CHECKPOINT_INTERVAL, SHORT_LIVED, Table
from spark.pipeline.schemas import LIVE
from spark.pipeline.streaming.metrics import LiveRow

REFRESH = 5.0
"""Least number of seconds between the starts of two writes."""
PAUSE, LONGEST_PAUSE = 8, 16.0
"""Length of the pause after a write: as a multiple of the write, and at most, in seconds."""

PROPERTIES = {**SHORT_LIVED, CHECKPOINT_INTERVAL: "30"}
"""Of the table: each write reads the log since the last checkpoint."""

_MILLIS = (
    "stream string, metric string, window string, start bigint, end bigint, label string,"
    " value bigint, rank int"
)
_Row = tuple[str, str, str, int, int, str | None, int, int]


class LiveTable:
    """Writes the table of the live metrics, as its only writer.

    Args:
        spark: the session.
        table: has the columns ``schemas.LIVE``; created if it is missing. The rows of a stream stay
            until newer ones are published.
        check_lock: called before each commit.
    """

    def __init__(self, spark: SparkSession, table: Table, check_lock: LockCheck) -> None:
        self._spark, self.table, self._check_lock = spark, table, check_lock
        self._pool = ThreadPoolExecutor(1, "live metrics")
        self._lock = threading.Lock()
        self._before: dict[str, list[_Row]] | None = None
        """Rows of the table before the first write; None until they were read."""
        self._newest: dict[str, list[_Row]] = {}
        self._unwritten = False
        self._next_write = 0.0
        self._flush_now = threading.Event()
        self._error: Exception | None = None
        self._task: Future[None] = self._pool.submit(self._try_write)

    def publish(self, stream: str, rows: list[LiveRow]) -> None:
        """Queue the rows of a stream for the next write, unless newer ones replace them.

        Raises:
            Exception: the error of an earlier write.
        """
        self._raise()
        with self._lock:
            self._newest[stream] = [(stream, *row) for row in rows]
            self._unwritten = True
            self._task = self._pool.submit(self._try_write)

    def flush(self) -> None:
        """Write the newest rows at once, and wait for the write.

        Raises:
            Exception: the error of the write.
        """
        self._flush_now.set()
        try:
            self._task.result()
        finally:
            self._flush_now.clear()
        self._raise()

    def _raise(self) -> None:
        with self._lock:
            error, self._error = self._error, None
        if error is not None:
            raise error

    def _try_write(self) -> None:
        try:
            self._write()
        except Exception as error:  # raised by the next call of publish or flush
            with self._lock:
                self._error, self._unwritten = error, True

    def _write(self) -> None:
        if self._before is None:
            self._before = self._read()
        if not self._unwritten:  # an earlier task has written the rows
            return
        self._flush_now.wait(max(0.0, self._next_write - time.monotonic()))
        begun = time.monotonic()
        with self._lock:
            newest = {**self._before, **self._newest}
            self._unwritten = False
        rows = [row for of_stream in newest.values() for row in of_stream]
        frame = self._spark.createDataFrame(rows, _MILLIS)
        dates = {name: F.timestamp_millis(name) for name in ("start", "end")}
        self._check_lock()
        self.table.overwrite(frame.withColumns(dates), {})
        end = time.monotonic()
        self._next_write = max(begun + REFRESH, end + min(PAUSE * (end - begun), LONGEST_PAUSE))

    def _read(self) -> dict[str, list[_Row]]:
        """Return the existing rows by stream; create the table if it is missing."""
        if self.table.create(self._spark, LIVE, PROPERTIES):
            return {}
        # As numbers, because Python's dates use the machine's zone.
        dates = {name: F.unix_millis(name) for name in ("start", "end")}
        found: dict[str, list[_Row]] = {}
        for row in self.table.read(self._spark).withColumns(dates).collect():
            found.setdefault(row["stream"], []).append(tuple(row))
        return found

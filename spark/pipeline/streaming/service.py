"""Runs the queries of the streaming pipeline: one an entity, each with its own checkpoint.

A query that fails is started again after a while, from its checkpoint and with a sink that reads
again what its tables hold. One that fails again and again, without a batch in between, takes the
service down with the reason; so does a lock that is lost, at once.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming import StreamingQuery

from spark.pipeline.delta.lock import Guard
from spark.pipeline.errors import JobError, LockError, first_line
from spark.pipeline.streaming.live_table import LiveTable
from spark.pipeline.streaming.sink import Sink, StreamLocation, prepared
from spark.pipeline.streaming.stagger import Stagger

Reader = Callable[[str], DataFrame]
"""Gives a stream by its name, with the columns of the Kinesis source."""

LOOK = 0.5
"""Seconds between two looks at the queries."""
GRACE = 20.0
"""Seconds that a batch which is being written may take once the service is told to stop."""


@dataclass(frozen=True, slots=True)
class Restarts:
    """How often a query is started again; times are in seconds."""

    most: int = 5
    """Failures in a row, after which the service ends."""
    first: float = 1.0
    """Before the first restart; it doubles each time."""
    longest: float = 30.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        return min(self.longest, self.first * float(1 << min(failures - 1, 16)))


class Stopping(Exception):
    """A batch began after the service was told to stop; the next start does it."""


@dataclass
class _Supervised:
    """One query, its sink and what went wrong."""

    location: StreamLocation
    query: StreamingQuery | None = None
    sink: Sink | None = None
    error: Exception | None = None
    failures: int = 0
    due: float = 0.0
    batches: int = 0
    writing: threading.Lock = field(default_factory=threading.Lock)


class Service:
    """The queries of the streaming pipeline.

    Args:
        spark: the session.
        locations: where the rows of each entity's stream go.
        live_table: takes the live metrics of them all.
        read: gives the streams.
        checkpoints: URI or folder below which each query keeps its checkpoint.
        guard: called before each commit.
        interval: seconds between the starts of two batches; None: read what is there, then end.
        restarts: how often a query is started again.
        alive: called twice a second while all queries run.
    """

    def __init__(
        self,
        spark: SparkSession,
        locations: Sequence[StreamLocation],
        live_table: LiveTable,
        read: Reader,
        checkpoints: str,
        guard: Guard,
        interval: float | None,
        restarts: Restarts | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._spark, self._live_table, self._read, self._guard = spark, live_table, read, guard
        self._checkpoints, self._interval = checkpoints, interval
        self._restarts, self._alive = restarts or Restarts(), alive
        self._all = [_Supervised(location) for location in locations]
        self._stagger = Stagger()
        self._asked: SimpleQueue[None] = SimpleQueue()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Have ``run`` end in good order; may be called from a signal's handler."""
        self._asked.put(None)  # takes no lock that the interrupted code may hold

    def run(self) -> dict[str, int]:
        """Run until told to stop, or until everything has been read.

        Returns:
            The number of batches of each entity.

        Raises:
            JobError: a query has failed too often.
            LockError: the lock was lost.
        """
        try:
            # Most of a start, and one waits for S3 while another computes.
            with ThreadPoolExecutor(len(self._all)) as pool:
                list(pool.map(self._open, self._all))
            for one in self._all:
                self._start(one)
            while not self._told() and not self._done():
                for one in self._all:
                    self._look(one)
                if all(map(_runs, self._all)):
                    self._alive()
        finally:
            self._end()
        return {one.location.entity.name: one.batches for one in self._all}

    def _told(self) -> bool:
        try:
            self._asked.get(timeout=LOOK)
        except Empty:
            return False
        return True

    def _done(self) -> bool:
        return self._interval is None and all(
            one.query is not None and not one.query.isActive and not self._failed(one)
            for one in self._all
        )

    def _failed(self, one: _Supervised) -> bool:
        return one.error is not None or (one.query is not None and bool(one.query.exception()))

    def _open(self, one: _Supervised) -> None:
        """Read what the tables of a query hold; a failure to do so is one of the query's."""
        one.query, one.sink, one.error = None, None, None
        try:
            one.sink = Sink(self._spark, one.location, self._live_table, self._guard)
        except Exception as error:
            one.error = error

    def _start(self, one: _Supervised) -> None:
        """Start a query that has a sink; a failure to do so is one of the query's."""
        if (sink := one.sink) is None:
            return
        try:
            when: dict[str, Any] = {"availableNow": True}
            if self._interval is not None:
                when = {"processingTime": f"{round(self._interval * 1000)} milliseconds"}
            one.query = (
                prepared(self._read(one.location.stream), one.location.entity)
                .writeStream.queryName(one.location.stream)
                .option("checkpointLocation", f"{self._checkpoints}/{one.location.entity.name}")
                .trigger(**when)
                .foreachBatch(lambda batch, id: self._write(one, sink, batch, id))
                .start()
            )
        except Exception as error:
            one.error = error

    def _write(self, one: _Supervised, sink: Sink, batch: DataFrame, batch_id: int) -> None:
        begun = time.monotonic()
        with one.writing:
            if self._stopping.is_set():
                raise Stopping
            try:
                sink(batch, batch_id)
            except Exception as error:
                one.error = error  # the query's own holds it as text only
                raise
            one.batches += 1
            one.failures = 0
        # Its rows are there; Spark plans the next batch, with what has come until then, when this
        # one has returned.
        if self._interval is not None:
            self._stopping.wait(self._stagger.delay(time.monotonic() - begun))

    def _look(self, one: _Supervised) -> None:
        """Start a query again that has failed, when it is due."""
        if one.query is not None and one.query.isActive:
            return
        if not self._failed(one):
            if self._interval is None:
                return
            one.error = JobError(
                "the query was stopped"
            )  # from outside, which is no error to Spark
        if not one.due:
            cause = one.error or (one.query and one.query.exception()) or JobError("unknown")
            if isinstance(cause, LockError):
                raise cause
            one.failures += 1
            reason = f"{one.location.stream}: {first_line(cause)}"
            if one.failures > self._restarts.most:
                raise JobError(f"{reason} ({one.failures} times in a row)") from cause
            delay = self._restarts.delay(one.failures)
            one.due = time.monotonic() + delay
            sys.stderr.write(f"{reason}; starting again in {delay:g} s\n")
        if time.monotonic() >= one.due:
            one.due = 0.0
            self._open(one)
            self._start(one)

    def _end(self) -> None:
        """Let each batch that is being written end, then stop the queries."""
        self._stopping.set()
        deadline = time.monotonic() + GRACE
        for one in self._all:
            # Not held while the query stops: a batch that waited for it would never end.
            if one.writing.acquire(timeout=max(0.0, deadline - time.monotonic())):
                one.writing.release()
        for one in self._all:
            if one.query is not None:
                one.query.stop()
            if one.sink is not None and one.error is None:
                one.sink.flush()


def _runs(one: _Supervised) -> bool:
    """Whether a query runs and has found its stream."""
    if one.query is None or one.error is not None or not one.query.isActive:
        return False
    return bool(one.query.status["message"] != "Initializing sources")

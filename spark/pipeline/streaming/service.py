"""Hop 7: runs the queries of the streaming pipeline, one per entity, each with its own checkpoint.

A query that fails is started again after a delay, from its checkpoint and with a new sink, which
reads its tables again. If a query fails repeatedly without a batch in between, the service ends
with the reason. If the lock is lost, the service ends at once.
"""

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

from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.maintenance import maintain_table
from spark.pipeline.errors import JobError, LockError, first_line
from spark.pipeline.streaming.live_table import LiveTable
from spark.pipeline.streaming.sink import Sink, StreamLocation, prepared
from spark.pipeline.streaming.stagger import Stagger

Reader = Callable[[str], DataFrame]
"""Returns a stream by its name, with the columns of the Kinesis source."""

POLL_INTERVAL = 0.5
"""Seconds between two checks of the queries."""
MAINTENANCE = 300.0
"""Seconds between two times that the tables are maintained: some 200 batches."""
GRACE = 20.0
"""Seconds that a batch may still take after the service was asked to stop."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How often and when a failed query is started again; times are in seconds."""

    max_failures: int = 5
    """Failures in a row at most; one more ends the service."""
    first_delay: float = 1.0
    """Delay before the first restart; it doubles each time."""
    longest_delay: float = 30.0

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after this number of failures in a row."""
        return min(self.longest_delay, self.first_delay * float(1 << min(failures - 1, 16)))


class Stopping(Exception):
    """A batch began after the service was asked to stop; the next start of the job writes it."""


@dataclass
class _QueryState:
    """One query, its sink and its last error."""

    location: StreamLocation
    query: StreamingQuery | None = None
    sink: Sink | None = None
    error: Exception | None = None
    failures: int = 0
    retry_at: float = 0.0
    batches: int = 0
    writing: threading.Lock = field(default_factory=threading.Lock)


class Service:
    """The queries of the streaming pipeline.

    Args:
        spark: the session.
        locations: where the rows of each entity's stream are written.
        live_table: writes the live metrics of all streams.
        read: returns the streams.
        checkpoints: URI or folder below which each query keeps its checkpoint.
        check_lock: called before each commit.
        interval: seconds between the starts of two batches; None: read what has arrived, then end.
        restart_policy: how often a query is started again.
        alive: called twice a second while all queries run.
    """

    def __init__(
        self,
        spark: SparkSession,
        locations: Sequence[StreamLocation],
        live_table: LiveTable,
        read: Reader,
        checkpoints: str,
        check_lock: LockCheck,
        interval: float | None,
        restart_policy: RestartPolicy | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        self._spark, self._live_table, self._read = spark, live_table, read
        self._check_lock, self._checkpoints, self._interval = check_lock, checkpoints, interval
        self._restart_policy, self._alive = restart_policy or RestartPolicy(), alive
        self._states = [_QueryState(location) for location in locations]
        self._stagger = Stagger()
        self._stop_requests: SimpleQueue[None] = SimpleQueue()
        self._stopping = threading.Event()
        self._maintenance = threading.Thread(target=self._maintain, name="maintenance", daemon=True)

    def stop(self) -> None:
        """Let ``run`` end in good order; safe to call from a signal handler."""
        self._stop_requests.put(None)  # needs no lock that the interrupted code may hold

    def run(self) -> dict[str, int]:
        """Run until ``stop`` is called, or until everything has been read.

        Returns:
            The number of batches of each entity.

        Raises:
            JobError: a query has failed too often.
            LockError: the lock was lost.
        """
        try:
            # This takes most of the start; in parallel, as one waits for S3 while another computes.
            with ThreadPoolExecutor(len(self._states)) as pool:
                list(pool.map(self._open_sink, self._states))
            for state in self._states:
                self._start_query(state)
            self._maintenance.start()
            while not self._stop_requested() and not self._all_read():
                self._check_lock()  # an idle stream makes no commit that would check it
                for state in self._states:
                    self._supervise(state)
                if all(map(_is_running, self._states)):
                    self._alive()
        finally:
            self._shut_down()
        return {state.location.entity.name: state.batches for state in self._states}

    def _stop_requested(self) -> bool:
        try:
            self._stop_requests.get(timeout=POLL_INTERVAL)
        except Empty:
            return False
        return True

    def _all_read(self) -> bool:
        return self._interval is None and all(
            state.query is not None and not state.query.isActive and not self._failed(state)
            for state in self._states
        )

    def _failed(self, state: _QueryState) -> bool:
        return bool(state.error or (state.query and state.query.exception()))

    def _open_sink(self, state: _QueryState) -> None:
        """Create a query's sink, which reads its tables; a failure counts as the query's."""
        state.query, state.sink, state.error = None, None, None
        try:
            state.sink = Sink(self._spark, state.location, self._live_table, self._check_lock)
        except Exception as error:
            state.error = error

    def _start_query(self, state: _QueryState) -> None:
        """Start a query that has a sink; a failure counts as the query's."""
        if (sink := state.sink) is None:
            return
        try:
            when: dict[str, Any] = {"availableNow": True}
            if self._interval is not None:
                when = {"processingTime": f"{round(self._interval * 1000)} milliseconds"}
            state.query = (
                prepared(self._read(state.location.stream), state.location.entity)
                .writeStream.queryName(state.location.stream)
                .option("checkpointLocation", f"{self._checkpoints}/{state.location.entity.name}")
                .trigger(**when)
                .foreachBatch(lambda batch, id: self._write(state, sink, batch, id))
                .start()
            )
        except Exception as error:
            state.error = error

    def _write(self, state: _QueryState, sink: Sink, batch: DataFrame, batch_id: int) -> None:
        begun = time.monotonic()
        with state.writing:
            if self._stopping.is_set():
                raise Stopping
            try:
                sink(batch, batch_id)
            except Exception as error:
                state.error = error  # the query's own error contains it as text only
                raise
            state.batches += 1
            state.failures = 0
        # The rows are written. Spark plans the next batch when this call returns, with all records
        # that have arrived by then.
        if self._interval is not None:
            self._stopping.wait(self._stagger.delay(time.monotonic() - begun))

    def _supervise(self, state: _QueryState) -> None:
        """Start a failed query again when its delay is over."""
        if state.query is not None and state.query.isActive:
            return
        if not self._failed(state):
            if self._interval is None:
                return
            # Stopped by another program, which is no error in Spark.
            state.error = JobError("the query was stopped")
        if not state.retry_at:
            cause = state.error or (state.query and state.query.exception()) or JobError("unknown")
            if isinstance(cause, LockError):
                raise cause
            state.failures += 1
            reason = f"{state.location.stream}: {first_line(cause)}"
            if state.failures > self._restart_policy.max_failures:
                raise JobError(f"{reason} ({state.failures} times in a row)") from cause
            delay = self._restart_policy.delay(state.failures)
            state.retry_at = time.monotonic() + delay
            sys.stderr.write(f"{reason}; starting again in {delay:g} s\n")
        if time.monotonic() >= state.retry_at:
            state.retry_at = 0.0
            self._open_sink(state)
            self._start_query(state)

    def _maintain(self) -> None:
        """Keep the files of the tables few, as each batch adds some; a failure is only reported."""
        seen: dict[str, int] = {}
        while not self._stopping.wait(MAINTENANCE):
            busy = [
                state for state in self._states if state.batches != seen.get(state.location.stream)
            ]
            tables = [(table, state.writing) for state in busy for table in state.location.tables]
            if busy:
                tables.append((self._live_table.table, threading.Lock()))
            seen = {state.location.stream: state.batches for state in self._states}
            try:
                for table, writing in tables:
                    if self._stopping.is_set():
                        return
                    # Without a batch meanwhile, because joining files conflicts with a merge.
                    maintain_table(self._spark, table, self._check_lock, writing)
            except Exception as error:
                sys.stderr.write(f"maintenance of the streaming tables: {first_line(error)}\n")

    def _shut_down(self) -> None:
        """Wait for the batches that are being written, then stop the queries."""
        self._stopping.set()
        deadline = time.monotonic() + GRACE
        for state in self._states:
            # Released before the query stops, or a batch that waits for it would never end.
            if state.writing.acquire(timeout=max(0.0, deadline - time.monotonic())):
                state.writing.release()
        if self._maintenance.is_alive():
            self._maintenance.join(max(0.0, deadline - time.monotonic()))
        for state in self._states:
            if state.query is not None:
                state.query.stop()
            if state.sink is not None and state.error is None:
                state.sink.flush()


def _is_running(state: _QueryState) -> bool:
    """Return whether a query runs and has found its stream."""
    if state.query is None or state.error is not None or not state.query.isActive:
        return False
    return bool(state.query.status["message"] != "Initializing sources")

"""Reads one shard ahead of the batches, in a thread of the driver, up to the size of its buffer."""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import pyarrow as pa

from spark.pipeline.sources.kinesis.client import Kinesis, StoppedError
from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.position import SHARD_END
from spark.pipeline.sources.kinesis.records import Page, pages, rows

POLL_INTERVAL = 1.0
"""Seconds between two checks for free space in the buffer, if no notification comes."""


AGGREGATED = bytes.fromhex("f3899ac2")
"""First bytes of a record in which the Kinesis Producer Library packs several."""


@cache
def warn_of_aggregation(stream: str) -> None:
    """Warn about a stream, once in a process, which plans one query."""
    sys.stderr.write(
        f"warning: stream {stream} has records that the Kinesis Producer Library has aggregated:"
        " each is one row here, whose data contains several records; set AggregationEnabled=false\n"
    )


@dataclass(slots=True)
class FetchedRecords:
    """Records that were fetched after a position."""

    to: str
    records: int = 0
    batches: list[pa.RecordBatch] = field(default_factory=list)


class Background:
    """A thread of the driver; other threads access its state under the ``changed`` condition.

    Args:
        name: name of the thread.
        options: options of the query.
        changed: notified of new state, or of the error that has ended the thread.
    """

    def __init__(self, name: str, options: KinesisOptions, changed: threading.Condition) -> None:
        self.error: Exception | None = None
        self._options, self._changed = options, changed
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def work(self, kinesis: Kinesis) -> None:
        """Run the work of the thread."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            self.work(Kinesis(self._options, self._stopped))
        except StoppedError:
            return
        except Exception as error:  # raised when the next batch is planned
            with self._changed:
                self.error = error
                self._changed.notify_all()


class Fetcher(Background):
    """Reads one shard."""

    def __init__(
        self,
        options: KinesisOptions,
        shard: ShardName,
        first: str,
        after: str,
        changed: threading.Condition,
        until: float | None,
        buffer_share: Callable[[], int],
    ) -> None:
        self.shard = shard
        self.after = after
        """Position of the record taken last; the fetched records come after it."""
        self.closed = False
        """Whether the shard is closed according to the list of shards."""
        self.ended = False
        """Whether the shard is closed and was read to its end."""
        self.finished = False
        """Whether the shard has ended, or everything was fetched that had arrived at ``until``, by
        the monotonic clock. Records that arrive before the read reaches the end are included."""
        self._until, self._buffer_share, self._first = until, buffer_share, first
        self._fetched = FetchedRecords(after)
        self._bytes = 0
        super().__init__(f"kinesis {shard}", options, changed)

    @property
    def ready(self) -> bool:
        """Whether there are records, or the end of the shard, to take."""
        return self._fetched.to != self.after

    def take(self) -> FetchedRecords:
        """Return the fetched records, and free their space in the buffer."""
        taken = self._fetched
        self.after = taken.to
        self._fetched, self._bytes = FetchedRecords(taken.to), 0
        self._changed.notify_all()
        return taken

    def stop(self) -> None:
        """Let the thread end; its fetched records are dropped."""
        self._stopped.set()
        self._changed.notify_all()

    def work(self, kinesis: Kinesis) -> None:
        """Fetch records until the shard has ended or the thread is stopped."""
        limit = self._options.fetch_records
        found = pages(kinesis, self.shard, self.after, limit, self._first)
        while self._wait_for_space():
            closed = self.closed  # before the call: a record may arrive just before the end
            page = next(found)
            size = self._store(page, closed)
            if self.finished:
                return
            self._stopped.wait(self._pause(page, size))

    def _wait_for_space(self) -> bool:
        with self._changed:
            while self._bytes >= self._buffer_share() and not self._stopped.is_set():
                self._changed.wait(POLL_INTERVAL)
        return not self._stopped.is_set()

    def _store(self, page: Page, closed: bool) -> int:
        records, until = page.records, self._until
        # Some emulators return an iterator for a closed shard without end.
        ended = page.last or (closed and page.up_to_date and not records)
        # A closed shard is read to its end, because its children may follow.
        current = page.up_to_date and not closed
        arrived = until is not None and current and page.asked >= until
        batch = rows(self.shard, records) if records else None
        aggregated = any(record["Data"].startswith(AGGREGATED) for record in records)
        with self._changed:
            if aggregated:
                warn_of_aggregation(self.shard.stream)
            if batch is not None:
                self._fetched.batches.append(batch)
                self._fetched.records += len(records)
                self._fetched.to = records[-1]["SequenceNumber"]
                self._bytes += batch.nbytes
            if ended:
                self._fetched.to, self.ended = SHARD_END, True
            self.finished = ended or arrived
            if records or self.finished:
                self._changed.notify_all()
        return batch.nbytes if batch is not None else 0

    def _pause(self, page: Page, size: int) -> float:
        options = self._options
        seconds = options.fetch_period if page.up_to_date else 0.0
        if options.fetch_rate:
            seconds = max(seconds, size / options.fetch_rate)
        return max(0.0, seconds - (time.monotonic() - page.asked))

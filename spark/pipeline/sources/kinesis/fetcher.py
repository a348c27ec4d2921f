"""One shard, read ahead of the batches by a thread of the driver, as far as its buffer allows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pyarrow as pa

from spark.pipeline.sources.kinesis.client import Kinesis, StoppedError
from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.position import SHARD_END
from spark.pipeline.sources.kinesis.records import Page, pages, rows

POLL_INTERVAL = 1.0
"""Seconds between two looks whether there is room in the buffer, if nobody says so."""


@dataclass(slots=True)
class FetchedRecords:
    """What was fetched after a position."""

    to: str
    records: int = 0
    batches: list[pa.RecordBatch] = field(default_factory=list)


class Background:
    """A thread of the driver; all but it use its state under the ``changed`` condition.

    Args:
        name: for people.
        options: those of the query.
        changed: notified of what is new, or of the error with which the thread has ended.
    """

    def __init__(self, name: str, options: KinesisOptions, changed: threading.Condition) -> None:
        self.error: Exception | None = None
        self._options, self._changed = options, changed
        self._stopped = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def work(self, kinesis: Kinesis) -> None:
        """Do what the thread is for."""
        raise NotImplementedError

    def _run(self) -> None:
        try:
            self.work(Kinesis(self._options, self._stopped))
        except StoppedError:
            return
        except Exception as error:  # told to whoever plans the next batch
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
        """Position of what was taken last: what is fetched comes after it."""
        self.closed = False
        """Whether the list of shards says that it takes no more records."""
        self.ended = False
        """Whether it is read through, to the end of a closed shard."""
        self.finished = False
        """Whether it has everything that was there at ``until``, by the monotonic clock, or has
        ended. What comes until it has read up to the end of the shard is taken as well."""
        self._until, self._buffer_share, self._first = until, buffer_share, first
        self._fetched = FetchedRecords(after)
        self._bytes = 0
        super().__init__(f"kinesis {shard}", options, changed)

    @property
    def ready(self) -> bool:
        """Whether there is something to take: records, or the end of the shard."""
        return self._fetched.to != self.after

    def take(self) -> FetchedRecords:
        """Take what was fetched, and make room for more."""
        taken = self._fetched
        self.after = taken.to
        self._fetched, self._bytes = FetchedRecords(taken.to), 0
        self._changed.notify_all()
        return taken

    def stop(self) -> None:
        """Ask the thread to end; what it has fetched is forgotten."""
        self._stopped.set()
        self._changed.notify_all()

    def work(self, kinesis: Kinesis) -> None:
        """Fetch until there is nothing more, or it is stopped."""
        limit = self._options.fetch_records
        found = pages(kinesis, self.shard, self.after, limit, self._first)
        while self._wait_for_space():
            closed = self.closed  # as known before the call: a record may come in just before
            page = next(found)
            size = self._keep(page, closed)
            if self.finished:
                return
            self._stopped.wait(self._pause(page, size))

    def _wait_for_space(self) -> bool:
        with self._changed:
            while self._bytes >= self._buffer_share() and not self._stopped.is_set():
                self._changed.wait(POLL_INTERVAL)
        return not self._stopped.is_set()

    def _keep(self, page: Page, closed: bool) -> int:
        records, until = page.records, self._until
        # Some emulators give a closed shard's iterator without end.
        ended = page.last or (closed and page.up_to_date and not records)
        # One that is closed is read to its end, for there may be children to be read then.
        there = page.up_to_date and not closed
        arrived = until is not None and there and page.asked >= until
        batch = rows(self.shard, records) if records else None
        with self._changed:
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

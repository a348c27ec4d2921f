"""Plans the next batch of a query on the driver: which shards it reads, and how far."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping

import pyarrow as pa

from spark.pipeline.errors import SourceError
from spark.pipeline.sources.kinesis.client import Kinesis
from spark.pipeline.sources.kinesis.fetcher import Background, FetchedRecords, Fetcher
from spark.pipeline.sources.kinesis.loss import existing_ranges, report_loss, retention
from spark.pipeline.sources.kinesis.offsets import Offset, Range, ShardName, between
from spark.pipeline.sources.kinesis.options import MOST_SHARDS, KinesisOptions
from spark.pipeline.sources.kinesis.position import LATEST, SHARD_END, at_time, time_of
from spark.pipeline.sources.kinesis.records import NotOfThisShardError, newest_position
from spark.pipeline.sources.kinesis.shards import Lineage

PATIENCE = 0.1
"""Seconds that a query waits for records before a batch counts as empty."""

RangeKey = tuple[ShardName, str, str]
"""A shard and the two positions of a range whose rows were fetched; of a long range, only the rows
that fit into the buffer."""


class Planner:
    """Plans the batches of one query; used by one thread at a time."""

    def __init__(self, options: KinesisOptions) -> None:
        self._options = options
        self._changed = threading.Condition()
        self._lister: _ShardLister | None = None
        self._fetchers: dict[ShardName, Fetcher] = {}
        self._prefetched: dict[RangeKey, FetchedRecords] = {}
        self._initial: Offset | None = None
        self._until: float | None = None
        self._ended_shards: set[ShardName] = set()
        self._kinesis = Kinesis(options)

    def initial(self) -> Offset:
        """Return the offset before the first batch, always the same one.

        Raises:
            SourceError: the stream does not exist, or Kinesis refuses.
        """
        if self._initial is None:
            for stream in self._options.streams:
                self._kinesis.shards(stream, wait=False)
            begin = self._options.position
            begin = at_time(int(time.time() * 1000)) if begin == LATEST else begin
            self._initial = Offset(begin, initial=True)
        return self._initial

    def first_batch(self, start: Offset | None) -> Offset:
        """Return everything from an offset to now as one batch.

        It is the result of Spark's first call, which is the only one with Trigger.AvailableNow.

        Args:
            start: position of the query; None if Spark has not reported it, so that the batch must
                be right for a new query and for a restarted one.
        """
        self._restart_fetchers(time.monotonic())
        position = start or self.initial()
        whole: Offset | None = None
        first_rows: dict[ShardName, FetchedRecords] = {}
        size = 0
        while (end := self.next_batch(position)) is not position:
            for name, r in end.shards.items():
                new = self._prefetched.pop((name, r.after, r.to), None)
                first = first_rows.setdefault(name, FetchedRecords(r.after))
                if new is not None and first.to == r.after and size < self._options.buffer_bytes:
                    size += sum(batch.nbytes for batch in new.batches)
                    first_rows[name] = FetchedRecords(
                        new.to, first.records + new.records, first.batches + new.batches
                    )
            whole = end if whole is None else whole.followed_by(end)
            position = end
        self._restart_fetchers(None)
        if whole is None:
            return position
        for name, taken in first_rows.items():
            if taken.records:
                r = whole.shards[name]
                self._prefetched[name, r.after, r.to] = taken
        if start is not None:
            return whole
        return Offset(whole.begin, dict(self._to_newest_records(whole)), complete=True)

    def _to_newest_records(self, whole: Offset) -> Iterator[tuple[ShardName, Range]]:
        """Yield ranges that end at a record even if none was read: the query may be before it."""
        for name, r in whole.shards.items():
            newest = None
            if time_of(r.to) is not None:
                newest = newest_position(self._kinesis, name, self._options.fetch_records)
            yield name, Range(r.first, r.after, newest or r.to, r.records)

    def next_batch(self, start: Offset) -> Offset:
        """Return the offset that ends the next batch, or ``start`` if there are no new records.

        Raises:
            DataLossError: records were lost before they were read, and the query is to fail.
            SourceError: Kinesis refuses, or was unavailable for too long.
        """
        while True:
            lineage = self._lineage(self._children_expected(start))
            ranges = existing_ranges(self._options, self._kinesis, lineage, self._checked(start))
            for shard in list(lineage.startable(ranges)):
                ranges[shard.name] = Range(shard.first, start.begin, start.begin, 0)
            self._fetch(lineage, ranges)
            try:
                taken = self._take_fetched()
                break
            except NotOfThisShardError as error:
                # A stream that was created again has other shards; else it is an error.
                self._restart_fetchers(self._until)
                if self._lineage(newer=True).firsts() == lineage.firsts():
                    raise SourceError(str(error)) from error
        found: dict[ShardName, Range] = {}
        for name, r in ranges.items():
            if r.to == SHARD_END:
                if lineage.awaits_children(name, ranges):
                    found[name] = Range(r.first, SHARD_END, SHARD_END, 0)
                continue
            new = taken.get(name, FetchedRecords(r.to))
            found[name] = Range(r.first, r.to, new.to, new.records)
            if new.records:
                self._prefetched[name, r.to, new.to] = new
        return start if _same(start, found) else Offset(start.begin, found)

    def ranges(
        self, start: Offset, end: Offset
    ) -> Iterator[tuple[ShardName, Range, list[pa.RecordBatch] | None]]:
        """Yield each range of a batch, with its rows if they were fetched.

        The rows are yielded once, and then dropped.
        """
        lineage = self._lineage() if end.complete and not start.initial else Lineage()
        if end.complete:
            self._check_covered(start, end, lineage)
        for name, r in between(start, end, lambda n: lineage.read_through(n, start.shards)):
            fetched = self._prefetched.pop((name, r.after, r.to), None)
            if fetched is None or r.records is None:
                yield name, r, None
                continue
            yield name, Range(r.first, r.after, fetched.to, fetched.records), fetched.batches
            if fetched.records < r.records:
                rest = r.records - fetched.records
                yield name, Range(r.first, fetched.to, r.to, rest), None

    def _check_covered(self, start: Offset, end: Offset, lineage: Lineage) -> None:
        for name, r in start.shards.items():
            done = r.to == SHARD_END or name in end.shards
            if not done and name not in lineage.shards:
                keeps = retention(self._kinesis, name.stream)
                report_loss(self._options, f"{name} is no longer there after {r.to}, as {keeps}")

    def done(self, end: Offset) -> None:
        """Drop the rows of a batch that Spark has finished."""
        for name, r in end.shards.items():
            self._prefetched.pop((name, r.after, r.to), None)

    def stop(self) -> None:
        """Let all threads end."""
        self._restart_fetchers(None)
        if self._lister is not None:
            self._lister.stop()

    def _restart_fetchers(self, until: float | None) -> None:
        with self._changed:
            for fetcher in self._fetchers.values():
                fetcher.stop()
            self._fetchers.clear()
        self._until = until

    def _checked(self, start: Offset) -> Mapping[ShardName, Range]:
        for name in start.shards:
            if name.stream not in self._options.streams:
                raise SourceError(
                    f"the checkpoint has stream {name.stream}, which streamName doesn't name:"
                    f" {','.join(self._options.streams)}"
                )
        return start.shards

    def _children_expected(self, start: Offset) -> bool:
        """Return whether a shard has just ended, whose children may not be listed yet."""
        ended = {name for name, r in start.shards.items() if r.to == SHARD_END} - self._ended_shards
        self._ended_shards |= ended
        return bool(ended)

    def _lineage(self, newer: bool = False) -> Lineage:
        """Return the list of shards; with ``newer``, one that is requested now."""
        if self._lister is None:
            self._lister = _ShardLister(self._options, self._changed)
        lister = self._lister
        with self._changed:
            # A listing in progress may have begun too early, so two are awaited.
            wanted = max(1, lister.listings + 2) if newer and lister.listings else 1
            while lister.listings < wanted and lister.error is None:
                if newer:
                    lister.request()
                self._changed.wait()
            if lister.error is not None:
                raise lister.error
            return lister.lineage

    def _fetch(self, lineage: Lineage, ranges: Mapping[ShardName, Range]) -> None:
        """Start a fetcher at the end of each range; stop the others.

        Raises:
            SourceError: there are too many ranges.
        """
        wanted = {name: r for name, r in ranges.items() if r.to != SHARD_END}
        if len(wanted) > MOST_SHARDS:
            raise SourceError(
                f"the streams {','.join(self._options.streams)} have {len(wanted)} shards to read,"
                f" and a query reads {MOST_SHARDS} at most: divide the streams among queries"
            )
        with self._changed:
            for name in list(self._fetchers):
                if name not in wanted or wanted[name].to != self._fetchers[name].after:
                    self._fetchers.pop(name).stop()
            for name, r in wanted.items():
                if name not in self._fetchers:
                    self._fetchers[name] = Fetcher(
                        self._options,
                        name,
                        r.first,
                        r.to,
                        self._changed,
                        self._until,
                        self._buffer_share,
                    )
                listed = lineage.shards.get(name)
                self._fetchers[name].closed = listed is not None and listed.closed

    def _buffer_share(self) -> int:
        """Return the bytes that a shard may fetch ahead: its share of the buffer."""
        return max(1, self._options.buffer_bytes // max(1, len(self._fetchers)))

    def _take_fetched(self) -> dict[ShardName, FetchedRecords]:
        """Wait a short time for records, or until ``_until`` is reached; take them."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            fetchers = self._fetchers
            self._raise_errors()
            while not any(fetcher.ready for fetcher in fetchers.values()):
                self._raise_errors()
                left = deadline - time.monotonic()
                if self._until is not None:
                    if all(fetcher.finished for fetcher in fetchers.values()):
                        break
                    left = 1.0
                if left <= 0:
                    break
                self._changed.wait(left)
            return {name: fetcher.take() for name, fetcher in fetchers.items() if fetcher.ready}

    def _raise_errors(self) -> None:
        for thread in (self._lister, *self._fetchers.values()):
            if thread is not None and thread.error is not None:
                raise thread.error


def _same(start: Offset, found: Mapping[ShardName, Range]) -> bool:
    """Return whether a batch from ``start`` would be empty and end at ``start``.

    A shard that was read to its end is dropped with the next batch.
    """
    known = {name: (r.first, r.to) for name, r in start.shards.items()}
    stands = all(known.get(name) == (r.first, r.to) for name, r in found.items())
    left = all(name in found for name, r in start.shards.items() if r.to != SHARD_END)
    return not start.initial and stands and left


class _ShardLister(Background):
    """Keeps the list of shards up to date in a thread, so that no batch waits for it.

    It lists the shards of every stream each ``shardFetchInterval``, and after ``request``.
    """

    def __init__(self, options: KinesisOptions, changed: threading.Condition) -> None:
        self.lineage = Lineage()
        """The shards; none before the first listing."""
        self.listings = 0
        """Number of listings so far."""
        self._requested = threading.Event()
        super().__init__("kinesis shards", options, changed)

    def request(self) -> None:
        """Request a listing soon."""
        self._requested.set()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()
        self._requested.set()

    def work(self, kinesis: Kinesis) -> None:
        """List the shards until the thread is stopped."""
        while not self._stopped.is_set():
            self._requested.clear()
            shards = [s for stream in self._options.streams for s in kinesis.shards(stream)]
            with self._changed:
                self.lineage = Lineage(shards)
                self.listings += 1
                self._changed.notify_all()
            self._requested.wait(self._options.listing)

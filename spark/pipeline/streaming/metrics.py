"""Hop 7: live metrics of one stream, in windows over the arrival times, updated as posts arrive.

Time is event time, the arrival in Kinesis. A window ends with the newest record, so that a record
which is read late, or again, is in the window of its arrival or in none. A post is counted when it
arrives, unless it was counted within the hour before: a post that its sender repeats counts once.
The watermark is an hour behind the newest counted post; a post that arrived earlier is not counted
(it is written to the cleaned table anyway), so that memory holds one hour of posts.

A restarted stream continues from the counted posts in the table ``COUNTED_POSTS``; the posts of a
batch that is read again are counted there already. The rows of ``LIVE`` are made from memory:

| metric | label | value | window |
|---|---|---|---|
| posts | the stream | posts | the last minute and the last hour |
| category, country | each one | posts; the leaders have rank 1 | the same |
| quarantined | the rule that is broken | records | the same |
| freshness | p50, p95, max | ms from arrival to the row in the table | the posts written in the
  last minute by this machine's clock |
"""

import heapq
import math
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MINUTE, HOUR = 60_000, 3_600_000
WINDOWS = (("minute", MINUTE), ("hour", HOUR))
WATERMARK = HOUR
"""Times are milliseconds since 1970, lengths milliseconds."""

LiveRow = tuple[str, str, int, int, str | None, int, int]
"""A row of ``LIVE``; start and end in milliseconds since 1970."""


@dataclass(frozen=True, order=True, slots=True)
class Post:
    """A post by its first arrival."""

    arrived_at: int
    key: int
    label: str | None = field(compare=False, default=None)
    """Its category or country."""


class _Window:
    """Counts by label in a window of fixed length whose end moves forward."""

    def __init__(self, length: int) -> None:
        self.length = length
        self._events: list[tuple[int, int, str | None, int]] = []
        self._number = 0
        self.counts: Counter[str | None] = Counter()

    def add(self, at: int, label: str | None, count: int = 1) -> None:
        """Count an event; events may come in any order."""
        self._number += 1  # so that labels, which may be null, are never compared
        heapq.heappush(self._events, (at, self._number, label, count))
        self.counts[label] += count

    def advance(self, end: int) -> None:
        """Move the end of the window; drop the events that are too old."""
        while self._events and self._events[0][0] <= end - self.length:
            _, _, label, count = heapq.heappop(self._events)
            self.counts[label] -= count
            if not self.counts[label]:
                del self.counts[label]


class LiveMetrics:
    """The live metrics of one stream.

    Args:
        stream: its name.
        dimension: column by which posts are counted, ``category`` or ``country``; empty if none.
        counted_posts: posts of the last hour that were already counted, in any order.
        quarantined: arrival, rule and number of records that were quarantined in the last hour.
    """

    def __init__(
        self,
        stream: str,
        dimension: str,
        counted_posts: Iterable[Post] = (),
        quarantined: Iterable[tuple[int, str, int]] = (),
    ) -> None:
        self._stream, self._dimension = stream, dimension
        self._newest = -1
        """Of the counted posts."""
        self._end = -1
        """Of the windows: the newest of posts and quarantined records."""
        self._counted: dict[int, int] = {}
        self._ageing: list[Post] = []
        self._posts = {name: _Window(length) for name, length in WINDOWS}
        self._bad = {name: _Window(length) for name, length in WINDOWS}
        self._delays: deque[tuple[int, int]] = deque()
        self._add(counted_posts)
        self.quarantine(quarantined)

    def count(self, posts: Iterable[Post]) -> list[Post]:
        """Count the posts of a batch, each key once, with its first arrival in the batch.

        Returns:
            The posts that were counted.
        """
        watermark = self._newest - WATERMARK if self._newest >= 0 else -1

        def counts(post: Post) -> bool:
            before = self._counted.get(post.key)
            again = before is not None and post.arrived_at < before + WATERMARK
            return post.arrived_at > watermark and not again

        counted = sorted(post for post in posts if counts(post))
        self._add(counted)
        return counted

    def quarantine(self, records: Iterable[tuple[int, str, int]]) -> None:
        """Count quarantined records: arrival, rule and number."""
        for at, rule, count in records:
            self._end = max(self._end, at)
            for window in self._bad.values():
                window.add(at, rule, count)
        self._advance()

    def record_delays(self, now: int, arrivals: Iterable[int]) -> None:
        """Note that posts with these arrival times are in the cleaned table from now on."""
        self._delays.extend((now, now - at) for at in arrivals)
        while self._delays and self._delays[0][0] <= now - MINUTE:
            self._delays.popleft()

    def rows(self) -> list[LiveRow]:
        """Return the current metrics; none before the first record."""
        return [*self._windows(), *self._freshness()] if self._end >= 0 else []

    def _windows(self) -> Iterator[LiveRow]:
        end = self._end
        for name, length in WINDOWS:
            posts, bad = self._posts[name].counts, self._bad[name].counts
            yield "posts", name, end - length, end, self._stream, posts.total(), 1
            for metric, counts in ((self._dimension, posts), ("quarantined", bad)):
                ordered = sorted(counts.values(), reverse=True)
                for label, value in counts.items() if metric else ():
                    yield metric, name, end - length, end, label, value, ordered.index(value) + 1

    def _freshness(self) -> Iterator[LiveRow]:
        if not self._delays:
            return
        end = self._delays[-1][0]
        delays = sorted(delay for _, delay in self._delays)
        for label, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0)):
            value = delays[math.ceil(share * len(delays)) - 1]
            yield "freshness", "minute", end - MINUTE, end, label, value, 1

    def _add(self, posts: Iterable[Post]) -> None:
        for post in posts:
            self._newest = max(self._newest, post.arrived_at)
            self._counted[post.key] = max(post.arrived_at, self._counted.get(post.key, -1))
            heapq.heappush(self._ageing, post)
            for window in self._posts.values():
                window.add(post.arrived_at, post.label)
        self._end = max(self._end, self._newest)
        self._advance()

    def _advance(self) -> None:
        """Move the windows to their end, and the watermark to the newest post."""
        for window in (*self._posts.values(), *self._bad.values()):
            window.advance(self._end)
        while self._ageing and self._ageing[0].arrived_at <= self._newest - WATERMARK:
            old = heapq.heappop(self._ageing)
            if self._counted.get(old.key) == old.arrived_at:
                del self._counted[old.key]

"""Whether a run keeps up with its rate, and the rate that it reaches when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

PERIOD = 2.0
"""Seconds. A run that loses time in one period only has met a slow answer, and is not behind."""


class Behind(NamedTuple):
    """What a run that loses time reaches."""

    rate: float
    """Posts per second."""
    waiting: float
    """Share of the time in which it waited for the gateway, 0 to 1."""

    def line(self, rate: float, in_flight: int) -> str:
        """The message: the rate, the one that was asked for, and what raises it."""
        remedy = f"raise --in-flight, now {in_flight}, or --batch-size"
        if self.waiting < 0.5:
            remedy = "reading and building the posts takes the time, not the gateway"
        return f"{self.rate:.1f} posts/s instead of {rate:g}: {remedy}"


class _Mark(NamedTuple):
    """The totals at the end of a period."""

    time: float
    posts: int
    lost: float
    waited: float


class Lag:
    """Compares the last two periods of a run.

    Args:
        batch_size: posts of a request. A period has as many at least: a run that sends batches
            loses its time when one of them goes out.
        clock: gives the time in seconds.
    """

    def __init__(self, batch_size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._batch_size, self._clock = batch_size, clock
        self._posts = 0
        self._marks: tuple[_Mark, _Mark] | None = None

    def restart(self) -> None:
        """Forget what was measured: the run goes on in another way."""
        self._marks = None

    def post(self, lost: float, waited: float) -> Behind | None:
        """Take note of a post.

        Args:
            lost: seconds of delay, since the start, that the run does not catch up with.
            waited: seconds, since the start, that it has waited for the gateway.

        Returns:
            What the run reaches if it has lost time in both periods, at the end of the second.
        """
        self._posts += 1
        now = _Mark(self._clock(), self._posts, lost, waited)
        self._marks = self._marks or (now, now)
        first, last = self._marks
        if now.time - last.time < PERIOD or now.posts - last.posts < self._batch_size:
            return None
        self._marks = last, now
        if not first.lost < last.lost < now.lost:
            return None
        seconds = now.time - first.time
        return Behind((now.posts - first.posts) / seconds, (now.waited - first.waited) / seconds)

"""Detects a run that does not keep up with its rate, and measures the rate that it reaches."""

import time
from collections.abc import Callable
from typing import NamedTuple

PERIOD = 2.0
"""Seconds. A single period with lost time is one slow response, not a run that is behind."""


class Behind(NamedTuple):
    """Measurements of a run that is behind."""

    rate: float
    """Posts per second."""
    waiting: float
    """Share of the time that the run waited for the gateway, 0 to 1."""

    def line(self, rate: float, in_flight: int) -> str:
        """The message: the reached rate, the requested one, and a remedy."""
        remedy = f"raise --in-flight, now {in_flight}, or --batch-size"
        if self.waiting < 0.5:
            remedy = "reading and building the posts takes the time, not the gateway"
        return f"{self.rate:.1f} posts/s instead of {rate:g}: {remedy}"


class _Totals(NamedTuple):
    """The totals of a run at the end of a period."""

    time: float
    posts: int
    lost: float
    waited: float


class Lag:
    """Compares the last two periods of a run.

    Args:
        batch_size: posts of a request. A period has at least that many, because a run loses its
            time when it sends a batch.
        clock: gives the time in seconds.
    """

    def __init__(self, batch_size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._batch_size, self._clock = batch_size, clock
        self._posts = 0
        self._periods: tuple[_Totals, _Totals] | None = None

    def restart(self) -> None:
        """Discard the measurements, after a change of the run."""
        self._periods = None

    def post(self, lost: float, waited: float) -> Behind | None:
        """Count a post.

        Args:
            lost: seconds of delay, since the start, that the run does not catch up with.
            waited: seconds, since the start, that the run has waited for the gateway.

        Returns:
            The measurements, at the end of a second period, if both periods lost time; else None.
        """
        self._posts += 1
        now = _Totals(self._clock(), self._posts, lost, waited)
        self._periods = self._periods or (now, now)
        first, last = self._periods
        if now.time - last.time < PERIOD or now.posts - last.posts < self._batch_size:
            return None
        self._periods = last, now
        if not first.lost < last.lost < now.lost:
            return None
        seconds = now.time - first.time
        return Behind((now.posts - first.posts) / seconds, (now.waited - first.waited) / seconds)

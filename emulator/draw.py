"""Which posts are sent, in which order and at what pace.

The original seeded Python's generator with 100 and then, without end, slept
``randrange(0, 2)`` seconds and drew a key with ``randint(0, 11000)``, both from the one
generator: skip a sleep draw and every key after it is another one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from threading import Event

SEED = 100
CATCH_UP = 1.0
"""Seconds: what a slow answer holds up is caught up with, but no more than this."""
GREATEST_KEY = 11000


@dataclass(frozen=True, slots=True)
class Draw:
    """One post to send."""

    key: int
    pause: int
    """Seconds that the original slept before it."""


def original() -> Iterator[Draw]:
    """The original's draws, without end: keys 7528, 2863, 5730, 8304, ..."""
    random = Random(SEED)
    while True:
        pause = random.randrange(0, 2)
        yield Draw(random.randint(0, GREATEST_KEY), pause)


def sequential(keys: Iterable[int]) -> Iterator[Draw]:
    """Each of ``keys`` once, with pauses like the original's."""
    random = Random(SEED)
    for key in keys:
        yield Draw(key, random.randrange(0, 2))


def passes(
    sequence: Callable[[], Iterator[Draw]], start: int, count: int | None, loop: bool
) -> Iterator[Draw]:
    """Leave out the first ``start`` draws, take ``count`` (all if None); with ``loop``, again."""
    while True:
        found = False
        for draw in islice(sequence(), start, None if count is None else start + count):
            found = True
            yield draw
        if not loop or not found:
            return


class Pace:
    """When the next post is due.

    Args:
        rate: posts per second; 0 as fast as possible, None the original's own pauses.
    """

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self.due = time.monotonic()
        """When the next post is due; of no use without posts per second."""
        self.lost = 0.0
        """Seconds of delay that are not caught up with."""

    def wait(self, draw: Draw, stopping: Event) -> None:
        """Wait until ``draw`` is due, or something stops the run."""
        if self.rate is None:
            stopping.wait(draw.pause)
        elif self.rate:
            now = time.monotonic()
            stopping.wait(max(0.0, self.due - now))
            lost = max(0.0, now - CATCH_UP - self.due)
            self.lost += lost
            self.due += lost + 1 / self.rate

    @property
    def ahead(self) -> int:
        """Posts to read from the source at a time: half a second's worth."""
        if self.rate is None:
            return 1
        return 500 if self.rate == 0 else max(1, min(500, int(self.rate / 2)))

"""Draws the posts to send: their keys, their order and their pace.

The original seeded Python's generator with 100 and then, without end, slept
``randrange(0, 2)`` seconds and drew a key with ``randint(0, 11000)``, both from the one
generator: without a sleep draw every later key would differ.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from random import Random
from threading import Event

SEED = 100
CATCH_UP = 1.0
"""Seconds of delay, at most, that a run catches up with after a slow response."""
GREATEST_KEY = 11000


@dataclass(frozen=True, slots=True)
class Draw:
    """One post to send."""

    key: int
    pause: int
    """Seconds that the original slept before the post."""
    number: int = 0
    """Its place in the order, from 0."""


def original() -> Iterator[Draw]:
    """The original's draws, without end: keys 7528, 2863, 5730, 8304, ..."""
    random = Random(SEED)
    for number in count():
        pause = random.randrange(0, 2)
        yield Draw(random.randint(0, GREATEST_KEY), pause, number)


def sequential(keys: Iterable[int]) -> Iterator[Draw]:
    """Each of ``keys`` once, with pauses like the original's."""
    random = Random(SEED)
    for number, key in enumerate(keys):
        yield Draw(key, random.randrange(0, 2), number)


def passes(
    sequence: Callable[[], Iterator[Draw]], start: int, count: int | None, loop: bool
) -> Iterator[Draw]:
    """Skip the first ``start`` draws, take ``count`` (None: all); repeat with ``loop``."""
    while True:
        empty = True
        for draw in islice(sequence(), start, None if count is None else start + count):
            empty = False
            yield draw
        if not loop or empty:
            return


class Pace:
    """The times at which posts are due.

    Args:
        rate: posts per second; 0 is as fast as possible, None is the original's pauses.
    """

    def __init__(self, rate: float | None) -> None:
        self.rate = rate
        self.due = time.monotonic()
        """Time at which the next post is due; used only with posts per second."""
        self.lost = 0.0
        """Seconds of delay that the run does not catch up with."""

    def wait(self, draw: Draw, stopping: Event) -> None:
        """Wait until ``draw`` is due or the run is stopped."""
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
        """Posts to read from the source at a time: those of half a second."""
        if self.rate is None:
            return 1
        return 500 if self.rate == 0 else max(1, min(500, int(self.rate / 2)))

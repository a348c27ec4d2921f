"""Hop 7: delays the batches of several queries so that they do not start at the same moment.

If the batches of three queries run in parallel on two cores, all end at about the same time. One
after the other, the first ends after a third of that time, the second after two thirds, and the
last no later: rows can be read sooner, and the next batches begin no later.
"""

import os
import threading
import time
from collections.abc import Callable

LONGEST = 1.0
"""Seconds between two starts, at most, so that a long batch does not delay the others."""
CORES = 1.5
"""Processors that one batch keeps busy, including the services that it calls."""


class Stagger:
    """Decides when the next batch of a query may start; shared by all queries of an application.

    Args:
        cores: processors of the machine.
        clock: returns a time in seconds.
    """

    def __init__(
        self, cores: float = os.cpu_count() or 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = max(1.0, cores / CORES)
        self._clock = clock
        self._lock = threading.Lock()
        self._free = float("-inf")

    def delay(self, took: float) -> float:
        """Reserve the next start.

        Args:
            took: seconds that the previous batch took.

        Returns:
            The seconds until the start.
        """
        now = self._clock()
        with self._lock:
            start = max(now, self._free)
            self._free = start + min(took, LONGEST) / self._share
        return start - now

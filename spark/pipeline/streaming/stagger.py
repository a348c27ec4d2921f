"""Keeps the batches of several queries from starting at the same moment.

Three queries whose batches run side by side on two cores are each done when all are done. One after
the other the first is done after a third of that time, the second after two thirds, and none later:
the rows of each can be read sooner, and the next batch begins no later.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

LONGEST = 1.0
"""Seconds between two starts, at most: who has much to read doesn't hold the others up."""
CORES = 1.5
"""Processors that one batch keeps busy, with what it is waiting for."""


class Stagger:
    """Says when the next batch of a query may start; shared by all queries of an application.

    Args:
        cores: processors of the machine.
        clock: gives a time in seconds.
    """

    def __init__(
        self, cores: float = os.cpu_count() or 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._share = max(1.0, cores / CORES)
        self._clock = clock
        self._lock = threading.Lock()
        self._free = float("-inf")

    def delay(self, took: float) -> float:
        """Take the next start.

        Args:
            took: seconds that the batch before has taken.

        Returns:
            The seconds until then.
        """
        now = self._clock()
        with self._lock:
            start = max(now, self._free)
            self._free = start + min(took, LONGEST) / self._share
        return start - now

"""The time that ``dbutils.notebook.run`` gives to a notebook."""

import contextlib
import signal
import time
from collections.abc import Iterator
from typing import Any

SOON = 0.001
"""Seconds of a timer that has none left; 0 would stop it."""


@contextlib.contextmanager
def limited(timeout: float, path: str) -> Iterator[None]:
    """Raise in the midst of the block when it takes longer than ``timeout`` seconds (0: never).

    A notebook may run another: the limit that comes first counts, and the outer one goes on.

    Raises:
        TimeoutError: names the notebook at ``path``.
    """
    left, began = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic()
    if not timeout or 0 < left <= timeout:
        yield
        return

    def late(*_: Any) -> None:
        raise TimeoutError(f"notebook {path} took longer than {timeout:g} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, timeout)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), SOON))

"""Wait for a fact, as the product does, but ask often: what tests wait for is on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(
    what: str,
    fact: Callable[[], T | None],
    limit: float = 30.0,
    interval: float = 0.02,
    state: Callable[[], str] = lambda: "",
) -> T:
    """Return what ``fact`` gives as soon as it is true; fail after ``limit`` seconds.

    Args:
        interval: seconds between two questions.
        state: says how things stand when the time is up.
    """
    deadline = time.monotonic() + limit
    while not (found := fact()):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"waited {limit:g} s for {what}; {state()}")
        time.sleep(min(interval, left))
    return found

"""Waits for a condition as the product does, but polls often: tests wait for local programs."""

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
    """Return the value of ``fact`` as soon as it is true; fail after ``limit`` seconds.

    Args:
        interval: seconds between two calls.
        state: describes the situation after a time-out, for the message.
    """
    deadline = time.monotonic() + limit
    while not (found := fact()):
        left = deadline - time.monotonic()
        if left <= 0:
            raise AssertionError(f"waited {limit:g} s for {what}; {state()}")
        time.sleep(min(interval, left))
    return found

"""Wait for a fact, as the product does, but ask often: what tests wait for is on this machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from stack import waiting
from stack.errors import WaitTimeout

T = TypeVar("T")
INTERVAL = 0.02
"""Seconds between two questions."""


def wait_for(
    what: str,
    fact: Callable[[], T | None],
    limit: float = 30.0,
    state: Callable[[], str] = lambda: "",
) -> T:
    """Return what ``fact`` gives as soon as it is true; fail after ``limit`` seconds."""
    try:
        return waiting.wait_for(what, fact, limit, INTERVAL, state)
    except WaitTimeout as timeout:
        raise AssertionError(str(timeout)) from None

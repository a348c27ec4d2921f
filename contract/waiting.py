"""Wait for a fact, with a limit; never for a length of time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from contract.errors import PipelineError

T = TypeVar("T")


class WaitTimeout(PipelineError):
    """A fact did not come about in time."""


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    limit: float,
    interval: float = 0.2,
    state: Callable[[], str] = lambda: "",
) -> T:
    """Ask ``probe`` every ``interval`` seconds until it answers something true.

    Args:
        what: what is waited for, as it reads after "waited for".
        probe: returns the fact, or None (or anything false) while it isn't so.
            An exception that it raises ends the wait at once.
        limit: seconds to wait at most.
        interval: seconds between two questions.
        state: says how things stand when the time is up.

    Raises:
        WaitTimeout: the limit passed; names what, how long, and the state.
    """
    deadline = time.monotonic() + limit
    while True:
        fact = probe()
        if fact:
            return fact
        if time.monotonic() >= deadline:
            seen = state()
            raise WaitTimeout(f"waited {limit:g} s for {what}{f'; {seen}' if seen else ''}")
        time.sleep(min(interval, max(0.0, deadline - time.monotonic())))

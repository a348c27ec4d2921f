"""Waits for a fact, with a limit, and never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

from contract.errors import PipelineError

T = TypeVar("T")


class WaitTimeout(PipelineError):
    """A fact was not true in time."""


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    limit: float,
    interval: float = 0.2,
    state: Callable[[], str] = lambda: "",
) -> T:
    """Call ``probe`` every ``interval`` seconds until it returns something true.

    Args:
        what: the fact, as it reads after "waited for".
        probe: returns the fact, or None (or anything false) while it is not true.
            An exception that it raises ends the wait at once.
        limit: most seconds to wait.
        interval: seconds between two calls.
        state: describes the situation after a time-out, for the message.

    Raises:
        WaitTimeout: the limit passed; the message has the fact, the limit and the state.
    """
    deadline = time.monotonic() + limit
    while True:
        fact = probe()
        if fact:
            return fact
        if time.monotonic() >= deadline:
            now = state()
            raise WaitTimeout(f"waited {limit:g} s for {what}{f'; {now}' if now else ''}")
        time.sleep(min(interval, max(0.0, deadline - time.monotonic())))

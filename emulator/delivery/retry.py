"""How long, and how often, a request is tried."""

from __future__ import annotations

from dataclasses import dataclass
from random import uniform


@dataclass(frozen=True, slots=True)
class Retry:
    """Bounds of the attempts at one request; every field is in seconds."""

    seconds: float = 60.0
    """From the first attempt to the start of the last one."""
    timeout: float = 35.0
    """For an answer. The REST proxy's own is 30 s, API Gateway's 29 s: theirs must come first."""
    first: float = 0.1
    """Before the second attempt, at most; it doubles each time."""
    longest: float = 5.0

    def delay(self, attempt: int, asked: float) -> float:
        """Seconds to wait after ``attempt``: drawn, so that many senders don't come in step.

        ``asked`` is what the server's Retry-After says; it's waited for, up to a minute.
        """
        backoff = min(self.longest, self.first * float(1 << min(attempt - 1, 16)))
        return max(backoff * uniform(0.5, 1), min(asked, 60.0))

"""The limits of the attempts at a request; ``Route`` decides whether another one may help."""

from dataclasses import dataclass
from random import uniform


@dataclass(frozen=True, slots=True)
class Retry:
    """Limits of the attempts at one request, in seconds."""

    seconds: float = 60.0
    """Time from the first attempt to the start of the last one."""
    timeout: float = 35.0
    """Time for a response: longer than that of the REST proxy, 30 s, and of API Gateway, 29 s."""
    first: float = 0.1
    """Longest pause before the second attempt; it doubles each time."""
    longest: float = 5.0
    """Longest pause of all."""

    def delay(self, attempt: int, retry_after: float) -> float:
        """Seconds to wait after ``attempt``, drawn so that many senders do not retry in step.

        ``retry_after`` is the server's Retry-After; it is respected up to a minute.
        """
        backoff = min(self.longest, self.first * float(1 << min(attempt - 1, 16)))
        return max(backoff * uniform(0.5, 1), min(retry_after, 60.0))

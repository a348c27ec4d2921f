"""One attempt at a request over HTTP: its response, or the reason why none came."""

from dataclasses import dataclass

import requests

from emulator.delivery.request import Outcome, Request, Route, all_failed

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection to the gateway."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of an attempt."""

    status: int | None
    """HTTP status; None without a response."""
    outcomes: tuple[Outcome, ...]
    """One for each row of the request, in order."""
    retry_after: float = 0.0
    """Seconds to wait before the next attempt, as the server requests."""


def attempt(session: requests.Session, route: Route, request: Request, timeout: float) -> Attempt:
    """Send ``request`` once and wait ``timeout`` seconds for its response.

    Without a response nothing is raised: the outcome of every row is to send it again.
    """
    try:
        response = session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers | route.credentials,
            timeout=(CONNECT_TIMEOUT, timeout),
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return Attempt(None, all_failed(request, _no_answer(error), again=True))
    outcomes = route.outcomes(request, response.status_code, response.content)
    return Attempt(response.status_code, outcomes, _retry_after(response))


def _no_answer(error: requests.RequestException) -> str:
    if isinstance(error, requests.ReadTimeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        cause: BaseException = error
        while cause.__cause__ or cause.__context__:
            cause = cause.__cause__ or cause.__context__ or cause
        return f"no answer: {cause}"
    return f"no answer: {error}"


def _retry_after(response: requests.Response) -> float:
    """Seconds of Retry-After; these services never send its other form, a date."""
    seconds = response.headers.get("Retry-After", "")
    return float(seconds) if seconds.isdecimal() else 0.0

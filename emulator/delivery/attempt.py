"""One attempt at a request over HTTP: its answer, or why there's none."""

from __future__ import annotations

from dataclasses import dataclass

import requests

from emulator.delivery.request import Outcome, Request, Route, all_failed

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection to the gateway."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came back."""

    status: int | None
    """Of HTTP; None without an answer."""
    outcomes: tuple[Outcome, ...]
    """One for each row of the request, in order."""
    retry_after: float = 0.0
    """Seconds that the server asks to be left alone."""


def attempt(session: requests.Session, route: Route, request: Request, timeout: float) -> Attempt:
    """Send ``request`` once and wait ``timeout`` seconds for its answer.

    No answer is no error: every row of the request then is to be sent again.
    """
    try:
        response = session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
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
    """Seconds that the server asks for; its other form, a date, is not used by these services."""
    asked = response.headers.get("Retry-After", "")
    return float(asked) if asked.isdecimal() else 0.0

"""A request, its rows and their outcomes, and the base class of the two routes."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from contract.entities import Entity
from contract.errors import SettingError
from contract.settings import Settings
from contract.wire import API_KEY, Json

MAX_BODY = 4_000_000
"""Bytes of a body. API Gateway rejects more than 10 MB, and LocalStack is slow before that."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a post: one record of a request."""

    entity: Entity
    key: int
    value: dict[str, Json]
    """Every column, in wire form."""
    id: int = 0
    """Its number in the outbox, once it is recorded."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    url: str
    target: str
    """Topic or stream."""
    headers: dict[str, str]
    body: bytes
    rows: tuple[Row, ...]
    """One for each record of the body, in its order."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one row in one attempt."""

    row: Row
    position: dict[str, Json] | None = None
    """Where the row was stored, in fields of the route; None if it was not stored."""
    error: str | None = None
    again: bool = False
    """Whether another attempt may help."""

    @property
    def stored(self) -> bool:
        """Whether the response reports the row as stored."""
        return self.error is None


class Route(ABC):
    """Turns rows into requests, and responses into outcomes of rows.

    Args:
        settings: the address and the key of the REST API, and the user id of the topics or streams.

    Raises:
        SettingError: the REST API demands a key, and none is set.
    """

    def __init__(self, settings: Settings) -> None:
        self.invoke_url, self.user_id = settings.gateway_invoke_url, settings.user_id
        self.credentials: dict[str, str] = {}
        """Headers that are sent with each request, and neither printed nor stored."""
        if settings.gateway_auth == "api_key":
            if not settings.gateway_api_key:
                raise SettingError("GATEWAY_API_KEY", None, "GATEWAY_AUTH is api_key")
            self.credentials = {API_KEY: settings.gateway_api_key}

    @abstractmethod
    def target(self, entity: Entity) -> str:
        """Topic or stream of an entity."""

    @abstractmethod
    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """The request that carries ``rows``, all of one entity."""

    def fits(self, request: Request) -> bool:
        """Whether the request may be sent unsplit."""
        return len(request.body) <= MAX_BODY

    def may_pass(self, status: int, body: bytes) -> bool:
        """Whether a repeated request may succeed after a response with this status and body."""
        return status in (408, 425, 429) or status >= 500

    @abstractmethod
    def slots(self, request: Request, response: Any) -> list[dict[str, Any]]:
        """The part of a JSON response that reports on each record."""

    @abstractmethod
    def outcome(self, request: Request, row: Row, slot: dict[str, Any]) -> Outcome:
        """The outcome of a row from its part of the response."""

    def outcomes(self, request: Request, status: int, body: bytes) -> tuple[Outcome, ...]:
        """The outcome of each row of the request, in order."""
        if status != 200:
            text = body[:200].decode(errors="replace").strip()
            again = self.may_pass(status, body)
            return all_failed(request, f"HTTP {status} {text}".strip(), again=again)
        try:
            slots = zip(request.rows, self.slots(request, json.loads(body)), strict=True)
            return tuple(self.outcome(request, row, slot) for row, slot in slots)
        except (ValueError, TypeError, KeyError, AttributeError):
            # A 200 that cannot be parsed reports no outcome, so the rows are sent again.
            excerpt = body[:80].decode(errors="replace")
            error = f"HTTP 200 with an unreadable body {excerpt!r}"
            return all_failed(request, error, again=True)


def requests(route: Route, entity: Entity, rows: Sequence[Row]) -> Iterator[Request]:
    """The requests with ``rows`` in order: one, or more if one would be too large."""
    request = route.request(entity, rows)
    if len(rows) == 1 or route.fits(request):
        yield request
        return
    half = len(rows) // 2
    yield from requests(route, entity, rows[:half])
    yield from requests(route, entity, rows[half:])


def all_failed(request: Request, error: str, *, again: bool) -> tuple[Outcome, ...]:
    """The outcomes of a request that failed as a whole."""
    return tuple(Outcome(row, error=error, again=again) for row in request.rows)

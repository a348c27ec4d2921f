"""A request, the rows that it carries, and what became of each: the same for every route."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from contract.entities import Entity
from contract.settings import Settings
from contract.wire import Json

MAX_BODY = 4_000_000
"""Bytes of a body. API Gateway refuses more than 10 MB, and its stand-in takes long over it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row on its way: one record of a request."""

    entity: Entity
    key: int
    value: dict[str, Json]
    """Every column, in wire form."""
    entry: int | None = None
    """Number of the spool's entry that it comes from, if it does."""


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
    """What became of one row in one attempt."""

    row: Row
    position: dict[str, Json] | None = None
    """Where it was stored, in the words of the route; None if it wasn't."""
    error: str | None = None
    again: bool = False
    """Whether another attempt may help."""

    @property
    def stored(self) -> bool:
        """Whether the answer says that the row was stored."""
        return self.error is None


class Route(ABC):
    """How rows become requests, and answers the outcomes of rows.

    Args:
        settings: say where the REST API is and whose topics or streams are meant.
    """

    def __init__(self, settings: Settings) -> None:
        self.invoke_url, self.user_id = settings.gateway_invoke_url, settings.user_id

    @abstractmethod
    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """The request that carries ``rows``, all of one entity."""

    def fits(self, request: Request) -> bool:
        """Whether the request may be sent as it is; one that may not is split, down to one row."""
        return len(request.body) <= MAX_BODY

    def may_pass(self, status: int, body: bytes) -> bool:
        """Whether the same request may get another answer later; ``body`` is this one's."""
        return status in (408, 425, 429) or status >= 500

    @abstractmethod
    def slots(self, request: Request, answer: Any) -> list[dict[str, Any]]:
        """The slot of each record in the JSON of an answer."""

    @abstractmethod
    def outcome(self, request: Request, row: Row, slot: dict[str, Any]) -> Outcome:
        """What a slot says of its row."""

    def outcomes(self, request: Request, status: int, body: bytes) -> tuple[Outcome, ...]:
        """What the answer says of each row of the request, in order."""
        if status != 200:
            said = body[:200].decode(errors="replace").strip()
            again = self.may_pass(status, body)
            return all_failed(request, f"HTTP {status} {said}".strip(), again=again)
        try:
            slots = zip(request.rows, self.slots(request, json.loads(body)), strict=True)
            return tuple(self.outcome(request, row, slot) for row, slot in slots)
        except (ValueError, TypeError, KeyError, AttributeError):
            # A 200 that can't be read says nothing: again.
            shown = body[:80].decode(errors="replace")
            error = f"HTTP 200 with an unreadable body {shown!r}"
            return all_failed(request, error, again=True)


def requests(route: Route, entity: Entity, rows: Sequence[Row]) -> Iterator[Request]:
    """The requests that carry ``rows`` in order: one, or more if one were too large."""
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

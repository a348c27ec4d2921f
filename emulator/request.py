"""A request, the rows that it carries, and what became of each: the same for every road."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from contract.entities import Entity
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
    headers: dict[str, str]
    body: bytes
    rows: tuple[Row, ...]
    """One for each record of the body, in its order."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row in one attempt."""

    row: Row
    position: dict[str, Json] | None = None
    """Where it was stored, in the words of the road; None if it wasn't."""
    error: str | None = None
    again: bool = False
    """Whether another attempt may help."""

    @property
    def stored(self) -> bool:
        """Whether the answer says that the row was stored."""
        return self.error is None


class Road(Protocol):
    """How rows become requests, and answers the outcomes of rows."""

    def request(self, entity: Entity, rows: Sequence[Row]) -> Request:
        """The request that carries ``rows``, all of one entity."""

    def fits(self, request: Request) -> bool:
        """Whether the request may be sent as it is; one that may not is split, down to one row."""

    def outcomes(self, request: Request, status: int, body: bytes) -> tuple[Outcome, ...]:
        """What the answer says of each row of the request, in order."""


def requests(road: Road, entity: Entity, rows: Sequence[Row]) -> Iterator[Request]:
    """The requests that carry ``rows`` in order: one, or more if one were too large."""
    request = road.request(entity, rows)
    if len(rows) == 1 or road.fits(request):
        yield request
        return
    half = len(rows) // 2
    yield from requests(road, entity, rows[:half])
    yield from requests(road, entity, rows[half:])


def all_failed(request: Request, error: str, *, again: bool) -> tuple[Outcome, ...]:
    """The outcomes of a request that failed as a whole."""
    return tuple(Outcome(row, error=error, again=again) for row in request.rows)


def refused(request: Request, status: int, body: bytes, *, again: bool) -> tuple[Outcome, ...]:
    """The outcomes of a request whose answer has another status than 200."""
    said = body[:200].decode(errors="replace").strip()
    return all_failed(request, f"HTTP {status} {said}".strip(), again=again)


def unreadable(request: Request, body: bytes) -> tuple[Outcome, ...]:
    """The outcomes of a request whose answer, a 200, can't be read: it says nothing, so again."""
    shown = body[:80].decode(errors="replace")
    return all_failed(request, f"HTTP 200 with an unreadable body {shown!r}", again=True)


def may_pass(status: int) -> bool:
    """Whether the same request may get another status later."""
    return status in (408, 425, 429) or status >= 500

"""The table of the API's calls: method, path, media types and handler of each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from services.rest_proxy.clients import Clients
from services.rest_proxy.http import handlers
from services.rest_proxy.http.errors import ApiError
from services.rest_proxy.http.handlers import Call
from services.rest_proxy.http.media import ANSWERS, FORMATS, RECORDS

V2 = ANSWERS
"""Types of a body without records."""

Handler = Callable[[Clients, Call], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call: its method and path, what it takes and what it answers in."""

    method: str
    path: str
    handler: Handler
    takes: tuple[str, ...] = ()
    """Media types of the body; none where the call has no body."""
    needs_body: bool = True
    gives: tuple[str, ...] = ANSWERS
    parts: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.path.strip("/").split("/")))

    def match(self, parts: list[str]) -> dict[str, str] | None:
        """The variables of the path, where it fits."""
        found = {}
        for mine, theirs in zip(self.parts, parts, strict=True):
            if mine.startswith("{"):
                found[mine[1:-1]] = theirs
            elif mine != theirs:
                return None
        return found


_INSTANCE = "/consumers/{group}/instances/{instance}"
PRODUCE = tuple(FORMATS)

ROUTES = (
    Route("GET", "/", handlers.root),
    Route("GET", "/topics", handlers.topics),
    Route("GET", "/topics/{topic}", handlers.topic),
    Route("POST", "/topics/{topic}", handlers.produce, PRODUCE),
    Route("GET", "/topics/{topic}/partitions", handlers.partitions),
    Route("GET", "/topics/{topic}/partitions/{partition}", handlers.partition),
    Route("POST", "/topics/{topic}/partitions/{partition}", handlers.produce, PRODUCE),
    Route("GET", "/topics/{topic}/partitions/{partition}/offsets", handlers.offsets),
    Route("GET", "/brokers", handlers.brokers),
    Route("POST", "/consumers/{group}", handlers.create_consumer, V2, needs_body=False),
    Route("DELETE", _INSTANCE, handlers.delete_consumer),
    Route("POST", f"{_INSTANCE}/subscription", handlers.subscribe, V2),
    Route("GET", f"{_INSTANCE}/subscription", handlers.subscription),
    Route("DELETE", f"{_INSTANCE}/subscription", handlers.unsubscribe),
    Route("POST", f"{_INSTANCE}/assignments", handlers.assign, V2),
    Route("GET", f"{_INSTANCE}/assignments", handlers.assignment),
    Route("POST", f"{_INSTANCE}/positions", handlers.seek, V2),
    Route("POST", f"{_INSTANCE}/positions/beginning", partial(handlers.seek_edge, end=False), V2),
    Route("POST", f"{_INSTANCE}/positions/end", partial(handlers.seek_edge, end=True), V2),
    Route("GET", f"{_INSTANCE}/records", handlers.records, gives=RECORDS),
    Route("POST", f"{_INSTANCE}/offsets", handlers.commit, V2, needs_body=False),
    Route("GET", f"{_INSTANCE}/offsets", handlers.committed, V2, needs_body=False),
)

_BY_LENGTH: dict[int, list[Route]] = {}
for _route in ROUTES:
    _BY_LENGTH.setdefault(len(_route.parts), []).append(_route)


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Find the call that a method and a path (decoded) name.

    Raises:
        ApiError: 404, or 405 with the methods that the path has.
    """
    parts = path.strip("/").split("/")
    allowed = []
    for route in _BY_LENGTH.get(len(parts), ()):
        variables = route.match(parts)
        if variables is not None:
            if route.method == method:
                return route, variables
            allowed.append(route.method)
    if allowed:
        raise ApiError(405, headers={"allow": ", ".join(allowed)})
    raise ApiError(404)

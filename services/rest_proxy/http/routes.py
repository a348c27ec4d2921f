"""The table of the API's routes: method, path, media types and handler of each."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from services.rest_proxy.clients import Clients
from services.rest_proxy.http import handlers
from services.rest_proxy.http.errors import ApiError
from services.rest_proxy.http.handlers import Call
from services.rest_proxy.http.media import FORMATS, RECORD_TYPES, RESPONSE_TYPES

V2 = RESPONSE_TYPES
"""Types of a request body without records."""

Handler = Callable[[Clients, Call], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Route:
    """One call of the API: method, path, handler and the media types of request and response."""

    method: str
    path: str
    handler: Handler
    request_types: tuple[str, ...] = ()
    """Media types of the request body; empty for a call without a body."""
    needs_body: bool = True
    response_types: tuple[str, ...] = RESPONSE_TYPES
    segments: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "segments", tuple(self.path.strip("/").split("/")))

    def match(self, segments: list[str]) -> dict[str, str] | None:
        """Return the variables of the path; None if it does not match."""
        variables = {}
        for expected, actual in zip(self.segments, segments, strict=True):
            if expected.startswith("{"):
                variables[expected[1:-1]] = actual
            elif expected != actual:
                return None
        return variables


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
    Route("GET", f"{_INSTANCE}/records", handlers.records, response_types=RECORD_TYPES),
    Route("POST", f"{_INSTANCE}/offsets", handlers.commit, V2, needs_body=False),
    Route("GET", f"{_INSTANCE}/offsets", handlers.committed, V2, needs_body=False),
)

_BY_LENGTH: dict[int, list[Route]] = {}
for _route in ROUTES:
    _BY_LENGTH.setdefault(len(_route.segments), []).append(_route)


def find(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """Return the route of a method and a (decoded) path, and the path's variables.

    Raises:
        ApiError: 404, or 405 with the methods that the path allows.
    """
    segments = path.strip("/").split("/")
    allowed = []
    for route in _BY_LENGTH.get(len(segments), ()):
        variables = route.match(segments)
        if variables is not None:
            if route.method == method:
                return route, variables
            allowed.append(route.method)
    if allowed:
        raise ApiError(405, headers={"allow": ", ".join(allowed)})
    raise ApiError(404)

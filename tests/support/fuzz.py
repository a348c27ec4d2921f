"""Requests to a service that runs, each valid or valid but for one place (Hypothesis)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

import psutil
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.support.program import Service
from tests.support.rest_proxy import Response, request

ANY = "*"
"""Route of a call whose path or method was changed: it may be a valid call of another route."""
MANY = 20_000
"""Requests of which some have met every route, documented status and code."""
WARM = 0.3
"""Share of the requests after which a service has all its caches."""
GROWTH = 40 * 2**20
"""Bytes by which the memory of a service may grow over the rest of the requests."""


@dataclass(frozen=True)
class Call:
    """One request."""

    route: str
    """Name of the route that a valid request has."""
    method: str
    path: tuple[str, ...]
    """Segments of the path, before they are quoted."""
    body: Any = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    """The body as it is sent, instead of ``body`` as JSON."""

    def send(self, port: int) -> Response:
        """Send it to a service on this machine."""
        target = "/" + "/".join(quote(segment, safe="") for segment in self.path)
        if self.query:
            target += f"?{urlencode(self.query)}"
        content = self.raw if self.raw is not None or self.body is None else _json(self.body)
        return request(port, self.method, target, content, dict(self.headers), timeout=60)


def _json(body: Any) -> bytes:
    return json.dumps(body).encode()


TEXTS = (
    "", " ", "-1", "0", "1.5", "1e3", "9" * 400, "x" * 3000, "\x00", "\n", "é\u0301😀", "null",
    "a/../b", "<script>alert(1)</script>", "%00", "${{", "{{job.parameters.a}}",
    "' OR 1=1 --", "*", "(a+)+$", "[", "a,b", "2026-13-45",
)  # fmt: skip
NUMBERS = (-1, 0, 1, 2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**30)
FLOATS = (0.5, -0.0, 1e308, float("inf"), float("nan"))

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(FLOATS),
    st.sampled_from(TEXTS),
    st.text(max_size=20),
    st.lists(st.sampled_from(TEXTS), max_size=3),
    st.dictionaries(
        st.sampled_from(("a", "", "name", "key")), st.sampled_from(NUMBERS), max_size=2
    ),
    st.just([[[[[[[[[[{}]]]]]]]]]]),
)
"""Values that a field rarely has."""
RAW = (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a": 1', b"[" * 5000, b'{"a":1}{"a":1}', b"\x00")
HEADERS = (
    "Bearer another",
    "text/plain",
    "",
    "application/json; charset=latin-1",
    "application/xml",
    "*/*;q=0",
    "a/b/c",
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """The places in a JSON value: the path to each, the whole value's first."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from places(item, (*path, key))


def changed(value: Any, path: tuple[Any, ...], change: Callable[[Any, Any], None]) -> Any:
    """A copy of a JSON value in which ``change`` was made at ``path`` (container, key)."""
    root = {"": json.loads(json.dumps(value))}
    container: Any = root
    steps = ("", *path)
    for step in steps[:-1]:
        container = container[step]
    change(container, steps[-1])
    return root[""]


@st.composite
def broken(draw: st.DrawFn, valid: st.SearchStrategy[Call]) -> Call:
    """A valid call with one place changed."""
    call = draw(valid)
    kinds = ["path", "method", "query", "header"] + (
        ["body"] * 8 + ["raw"] if call.body else ["raw"]
    )
    kind = draw(st.sampled_from(kinds))
    if kind == "raw":
        return replace(call, raw=draw(st.sampled_from(RAW)))
    if kind == "method":
        return replace(
            call, route=ANY, method=draw(st.sampled_from(("GET", "POST", "PUT", "PATCH", "DELETE")))
        )
    if kind == "path":
        number = draw(st.integers(0, len(call.path) - 1))
        new = draw(st.sampled_from([text for text in TEXTS if text]))
        return replace(call, route=ANY, path=(*call.path[:number], new, *call.path[number + 1 :]))
    if kind == "query":
        name = draw(st.sampled_from([*call.query, "timeout", "limit", "page_token", "unknown"]))
        return replace(call, query={**call.query, name: draw(st.sampled_from([*TEXTS, *NUMBERS]))})
    if kind == "header":
        name = draw(
            st.sampled_from(("Accept", "Content-Type", "Content-Encoding", "Authorization"))
        )
        return replace(call, headers={**call.headers, name: draw(st.sampled_from(HEADERS))})
    path = draw(st.sampled_from(list(places(call.body))))
    new = draw(junk)

    def put(container: Any, key: Any) -> None:
        container[key] = new

    def remove(container: Any, key: Any) -> None:
        del container[key]

    def add(container: Any, key: Any) -> None:
        if isinstance(container[key], dict):
            container[key]["unknown"] = new
        elif isinstance(container[key], list):
            container[key] += [new, new]
        else:
            container[key] = [container[key]]

    change = draw(st.sampled_from((put, put, remove if path else put, add)))
    return replace(call, body=changed(call.body, path, change))


class Fuzz:
    """Requests to one service, and what it has answered."""

    def __init__(
        self,
        service: Service,
        port: int,
        calls: st.SearchStrategy[Call],
        statuses: Mapping[str, set[int]],
        code: Callable[[Response], str],
        tolerated: set[str],
        rare: frozenset[int] = frozenset(),
    ) -> None:
        """Take what the service documents.

        Args:
            service: the running service.
            port: its port.
            calls: valid calls.
            statuses: the statuses that each route documents; ``ANY`` for those of every route.
            code: the error code in a response with a status from 400 on.
            tolerated: the codes that may come with a status from 500 on.
            rare: further statuses that any route may have, and that these calls need not meet.
        """
        self._service, self._port, self._calls = service, port, calls
        self._statuses, self._code, self._tolerated, self._rare = statuses, code, tolerated, rare
        self._all = {status for found in statuses.values() for status in found}
        self.seen: dict[str, Counter[int]] = {route: Counter() for route in statuses}
        self.codes: Counter[str] = Counter()
        self._sent, self._memory = 0, 0

    def run(self, requests: int) -> None:
        """Send so many requests; fail at the first that is answered in an undocumented way."""

        @seed(24)
        @settings(
            max_examples=requests,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # the service has changed: a smaller case may differ
            suppress_health_check=list(HealthCheck),
        )
        @given(st.one_of(self._calls, broken(self._calls)))
        def send(call: Call) -> None:
            self._send(call, requests)

        send()
        assert self._sent >= requests

    def _send(self, call: Call, requests: int) -> None:
        response = call.send(self._port)
        assert self._service.running, f"the service has ended after {call}"
        allowed = self._all if call.route == ANY else self._statuses[call.route]
        allowed = allowed | self._statuses[ANY] | self._rare
        if response.status >= 400:
            code = self._code(response)
            self.codes[code] += 1
            assert response.status < 500 or code in self._tolerated, (call, response)
        if response.status < 500:
            assert response.status in allowed, (call, response)
        self.seen[call.route][response.status] += 1
        self._sent += 1
        if self._sent == int(WARM * requests):
            self._memory = self._resident()

    def _resident(self) -> int:
        assert self._service.process
        return int(psutil.Process(self._service.process.pid).memory_info().rss)

    def check(self, codes: set[str]) -> None:
        """Check that memory is flat; of many requests, that each documented answer was met."""
        grown = self._resident() - self._memory
        assert grown < GROWTH, f"{grown / 2**20:.0f} MiB more since {WARM:.0%} of the requests"
        if self._sent < MANY:
            return
        missing = {
            route: documented - set(self.seen[route])
            for route, documented in self._statuses.items()
            if route != ANY and not documented <= set(self.seen[route])
        }
        assert missing == {}, self.seen
        everywhere = {status for found in self.seen.values() for status in found}
        assert self._statuses[ANY] <= everywhere, self.seen
        assert codes <= set(self.codes), self.codes

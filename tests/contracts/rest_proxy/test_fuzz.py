"""Requests of every kind to the REST proxy: each is answered as documented, and nothing breaks."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from contract.wire import KAFKA_BINARY, KAFKA_JSON, KAFKA_V2
from services.rest_proxy.http.errors import Code
from services.rest_proxy.http.routes import ROUTES
from tests.support.fuzz import ANY, Call, Fuzz
from tests.support.program import Service
from tests.support.rest_proxy import Proxy, Response, create_topic

TOPICS = {"fuzz-one": 1, "fuzz-three": 3}
UNKNOWN = "fuzz-unknown"
GROUPS = ("fuzz-a", "fuzz-b")
INSTANCES = ("i-0", "i-1", "i-2")
SMALL = {"consumer.request.timeout.ms": 5, "fetch.min.bytes": 1}
"""Reads without records end soon."""

topics = st.sampled_from([*TOPICS] * 4 + [UNKNOWN])
partitions = st.sampled_from([0, 0, 0, 1, 2, 7])
values = st.one_of(st.none(), st.integers(), st.text(max_size=9), st.just({"index": 7528}))
binary = st.sampled_from([None, "", "YQ==", "e30="])
pairs = st.fixed_dictionaries({"topic": topics, "partition": partitions})
positions = st.fixed_dictionaries(
    {"topic": topics, "partition": partitions, "offset": st.integers(0, 50)},
    optional={"metadata": st.text(max_size=5)},
)
BODIES: dict[str, st.SearchStrategy[Any]] = {
    "/consumers/{group}": st.fixed_dictionaries(
        {
            "format": st.sampled_from(["json", "binary"]),
            "auto.offset.reset": st.sampled_from(["earliest", "latest", "none"]),
            **{name: st.just(value) for name, value in SMALL.items()},
        },
        optional={
            "name": st.sampled_from(INSTANCES),
            "auto.commit.enable": st.sampled_from([True, False, "true", "false"]),
        },
    ),
    "subscription": st.one_of(
        st.fixed_dictionaries({"topics": st.lists(topics, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"topic_pattern": st.sampled_from(["fuzz-.*", "none-.*"])}),
    ),
    "assignments": st.fixed_dictionaries({"partitions": st.lists(pairs, max_size=3)}),
    "positions": st.fixed_dictionaries({"offsets": st.lists(positions, max_size=3)}),
    "beginning": st.fixed_dictionaries({"partitions": st.lists(pairs, max_size=3)}),
    "end": st.fixed_dictionaries({"partitions": st.lists(pairs, max_size=3)}),
    "offsets": st.one_of(
        st.none(), st.fixed_dictionaries({"offsets": st.lists(positions, max_size=3)})
    ),
}
"""Valid bodies, by the path of the route or its last segment."""
RECORDS = {
    KAFKA_JSON: st.fixed_dictionaries(
        {"value": values}, optional={"key": values, "partition": partitions}
    ),
    KAFKA_BINARY: st.fixed_dictionaries({"value": binary}, optional={"key": binary}),
}


CREATE = next(route for route in ROUTES if route.path == "/consumers/{group}")
OFTEN = (*ROUTES, *[CREATE] * 4)
"""Routes to choose from; most calls on instances need one that exists."""


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A valid call of any route, on few topics, groups and instances."""
    route = draw(st.sampled_from(OFTEN))
    chosen = {
        "{topic}": draw(topics),
        "{partition}": str(draw(partitions)),
        "{group}": draw(st.sampled_from(GROUPS)),
        "{instance}": draw(st.sampled_from(INSTANCES)),
    }
    path = tuple(chosen.get(segment, segment) for segment in route.segments)
    headers, body, query = {}, None, {}
    if route.segments[0] == "topics" and route.method == "POST":
        kind = draw(st.sampled_from([*RECORDS]))
        headers = {"Content-Type": kind}
        body = {"records": draw(st.lists(RECORDS[kind], min_size=1, max_size=4))}
    elif route.method == "POST":
        form = BODIES.get(route.path, BODIES.get(route.segments[-1]))
        assert form is not None, route
        body = draw(form)
        headers = {"Content-Type": KAFKA_V2} if body is not None else {}
    elif route.path.endswith("/offsets") and route.segments[0] == "consumers":
        body = draw(st.one_of(st.none(), BODIES["end"]))
        headers = {"Content-Type": KAFKA_V2} if body is not None else {}
    elif route.path.endswith("/records"):
        query = {"timeout": draw(st.sampled_from([0, 1, 5])), "max_bytes": 1000}
        headers = {"Accept": draw(st.sampled_from([KAFKA_JSON, KAFKA_BINARY, KAFKA_V2]))}
    return Call(f"{route.method} {route.path}", route.method, path, body, query, headers)


def code(response: Response) -> str:
    """The error code of a response."""
    return str(response.json["error_code"])


def statuses() -> dict[str, set[int]]:
    """The documented statuses of each route; ``ANY``: of all."""
    found = {ANY: {400, 404, 405, 406, 415}}
    for route in ROUTES:
        silent = route.method == "DELETE" or route.segments[-1] in SILENT
        states = {204} if silent and route.method != "GET" else {200}
        if "{topic}" in route.path or "{instance}" in route.path:
            states.add(404)
        if route.request_types:
            states.add(422)
        if route.method + route.segments[-1] not in READS and route.segments[-1] in CONFLICTS:
            states.add(409)
        found[f"{route.method} {route.path}"] = states
    return found


SILENT = ("subscription", "assignments", "positions", "beginning", "end")
"""Last segments of the calls whose response has no body."""
READS = ("GETsubscription", "GETassignments", "DELETEsubscription")
CONFLICTS = ("{group}", "subscription", "assignments", "positions", "beginning", "end", "records")
"""Last segments of the calls that others may contradict: 409."""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_answer_is_documented(
    kafka: Service, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    for name, count in TOPICS.items():
        create_topic(name, count)
    with Proxy(tmp_path, 22019) as proxy:
        retriable = {str(int(Code.KAFKA)), str(int(Code.KAFKA_RETRIABLE))}
        busy = {str(int(Code.TOO_MANY_CONSUMERS)), str(int(Code.QUEUE_FULL))}
        fuzz = Fuzz(proxy, proxy.port, calls(), statuses(), code, retriable | busy)
        fuzz.run(pytestconfig.getoption("--fuzz"))
        met = (Code.TOPIC_NOT_FOUND, Code.PARTITION_NOT_FOUND, Code.CONSUMER_NOT_FOUND)
        met += (Code.CONSUMER_FORMAT, Code.CONSUMER_EXISTS, Code.ILLEGAL_STATE)
        fuzz.check({str(int(each)) for each in (*met, Code.CONSUMER_CONFIGURATION)})

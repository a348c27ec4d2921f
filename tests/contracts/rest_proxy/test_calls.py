"""Every call of the API v2: status, media type, error code and body, in one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from contract.wire import KAFKA_BINARY, KAFKA_JSON, KAFKA_V2
from tests.contracts.rest_proxy.running import Proxy, Service, create_topic

JSON = {"Content-Type": KAFKA_JSON}
BINARY = {"Content-Type": KAFKA_BINARY}
V2 = {"Content-Type": KAFKA_V2}
ONE = {"records": [{"value": 1}]}


@dataclass(frozen=True)
class Case:
    """A request and its answer. ``code`` is the error_code of the body; ``body`` all of it."""

    title: str
    method: str
    path: str
    status: int
    code: int | None = None
    sent: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media: str | None = KAFKA_V2
    body: Any = None


def _slots(*offsets: int, partition: int = 0) -> dict[str, Any]:
    return {
        "offsets": [
            {"partition": partition, "offset": offset, "error_code": None, "error": None}
            for offset in offsets
        ],
        "key_schema_id": None,
        "value_schema_id": None,
    }


INSTANCE = "/consumers/table/instances/one"
NOBODY = "/consumers/table/instances/nobody"
PLACE = {"topic": "table", "partition": 0}
NO_PLACE = {"partitions": [{"topic": "table", "partition": 7}]}
REPLICA = {"broker": 1, "leader": True, "in_sync": True}
PARTITION = {"partition": 0, "leader": 1, "replicas": [REPLICA]}
NO_NAMES = {"blank": " \t", "NUL": "\0", "a\\x85b": "a\x85b", "256 characters": "é" * 256}
NO_TOPICS = {
    "blank": " ",
    "..": "..",
    "a\\0b": "a\0b",
    "a/b": "a/b",
    "é": "é",
    "librdkafka's pattern": "^(.*.*)*X",
    "250 characters": "x" * 250,
    "1,000 characters": "x" * 1000,
    "40,000 characters": "x" * 40_000,
}
LONG = 10_001

CASES = (
    # The HTTP layer
    Case("root", "GET", "/", 200, body={}),
    Case("unknown path", "GET", "/nothing/here/at/all", 404, 404),
    Case("unknown path, one deep", "GET", "/nothing", 404, 404),
    Case("wrong method", "PUT", "/topics/table", 405, 405, headers=JSON),
    Case("wrong method on a list", "POST", "/topics", 405, 405, sent=ONE, headers=JSON),
    Case("not acceptable", "GET", "/topics", 406, 406, headers={"Accept": "application/json"}),
    Case("not acceptable, by weight", "GET", "/topics", 406, 406, headers={"Accept": "*/*;q=0"}),
    Case("any type", "GET", "/brokers", 200, headers={"Accept": "application/*"}),
    Case("no type of ours but any", "GET", "/brokers", 200, headers={"Accept": "text/html, */*"}),
    Case(
        "produce, not acceptable",
        "POST",
        "/topics/table",
        406,
        406,
        ONE,
        {**JSON, "Accept": "application/json"},
    ),
    Case(
        "type that is asked for",
        "GET",
        "/brokers",
        200,
        media=KAFKA_JSON,
        headers={"Accept": KAFKA_JSON},
    ),
    # Metadata
    Case("topic unknown", "GET", "/topics/nothing", 404, 40401),
    *(
        Case(f"topic {title} unknown", "GET", f"/topics/{quote(name, safe='')}", 404, 40401)
        for title, name in {**NO_TOPICS, "249 characters": "x" * 249}.items()
        if "/" not in name
    ),
    Case("partitions", "GET", "/topics/table/partitions", 200, body=[PARTITION]),
    Case("partitions of no topic", "GET", "/topics/nothing/partitions", 404, 40401),
    Case("partition", "GET", "/topics/table/partitions/0", 200, body=PARTITION),
    Case("partition unknown", "GET", "/topics/table/partitions/7", 404, 40402),
    Case("partition of no topic", "GET", "/topics/nothing/partitions/0", 404, 40401),
    Case("partition no number", "GET", "/topics/table/partitions/x", 404, 404),
    Case("partition below 0", "GET", "/topics/table/partitions/-1", 404, 404),
    Case("offsets of no topic", "GET", "/topics/nothing/partitions/0/offsets", 404, 40401),
    Case("offsets of no partition", "GET", "/topics/table/partitions/7/offsets", 404, 40402),
    Case(
        "offsets of an empty partition",
        "GET",
        "/topics/empty/partitions/0/offsets",
        200,
        body={"beginning_offset": 0, "end_offset": 0},
    ),
    Case("brokers", "GET", "/brokers", 200, body={"brokers": [1]}),
    # Producing: the types
    Case("no content type", "POST", "/topics/table", 415, 415, b'{"records":[{"value":1}]}'),
    Case(
        "content type application/json",
        "POST",
        "/topics/table",
        415,
        415,
        ONE,
        {"Content-Type": "application/json"},
    ),
    Case("content type without a format", "POST", "/topics/table", 415, 415, ONE, V2),
    Case(
        "avro is not offered",
        "POST",
        "/topics/table",
        415,
        415,
        ONE,
        {"Content-Type": "application/vnd.kafka.avro.v2+json"},
    ),
    Case(
        "packed body", "POST", "/topics/table", 415, 415, ONE, {**JSON, "Content-Encoding": "gzip"}
    ),
    # Producing: the body
    Case("no body", "POST", "/topics/table", 400, 400, b"", JSON),
    Case("not JSON", "POST", "/topics/table", 400, 400, b'{"records":[{"value":1}', JSON),
    Case("not JSON, wrong at once", "POST", "/topics/table", 400, 400, b"[", JSON),
    Case("not UTF-8", "POST", "/topics/table", 400, 400, b'{"records":[{"value":"\xff"}]}', JSON),
    Case("NaN", "POST", "/topics/table", 400, 400, b'{"records":[{"value":NaN}]}', JSON),
    Case(
        "half a surrogate",
        "POST",
        "/topics/table",
        400,
        400,
        rb'{"records":[{"value":"\ud800"}]}',
        JSON,
    ),
    Case(
        "too deep",
        "POST",
        "/topics/table",
        400,
        400,
        b'{"records":[{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}",
        JSON,
    ),
    Case("a list", "POST", "/topics/table", 422, 422, [], JSON),
    Case("no records", "POST", "/topics/table", 422, 422, {}, JSON),
    Case("records null", "POST", "/topics/table", 422, 422, {"records": None}, JSON),
    Case("records empty", "POST", "/topics/table", 422, 422, {"records": []}, JSON),
    Case("records no list", "POST", "/topics/table", 422, 422, {"records": {"value": 1}}, JSON),
    Case("unknown field", "POST", "/topics/table", 422, 422, {**ONE, "acks": 1}, JSON),
    Case("no value", "POST", "/topics/table", 422, 422, {"records": [{"key": 1}]}, JSON),
    Case(
        "unknown field of a record",
        "POST",
        "/topics/table",
        422,
        422,
        {"records": [{"value": 1, "headers": []}]},
        JSON,
    ),
    Case("record no object", "POST", "/topics/table", 422, 422, {"records": [1]}, JSON),
    Case(
        "partition a text",
        "POST",
        "/topics/table",
        422,
        422,
        {"records": [{"value": 1, "partition": "0"}]},
        JSON,
    ),
    Case(
        "partition below 0 in a record",
        "POST",
        "/topics/table",
        422,
        422,
        {"records": [{"value": 1, "partition": -1}]},
        JSON,
    ),
    Case("not base64", "POST", "/topics/table", 422, 422, {"records": [{"value": "*"}]}, BINARY),
    Case("binary, no text", "POST", "/topics/table", 422, 422, {"records": [{"value": 1}]}, BINARY),
    # Producing: where to
    Case("no such topic", "POST", "/topics/nothing", 404, 40401, ONE, JSON),
    *(
        Case(f"no topic {title}", "POST", f"/topics/{quote(name, safe='')}", 404, 40401, ONE, JSON)
        for title, name in NO_TOPICS.items()
        if "/" not in name
    ),
    Case("no such partition", "POST", "/topics/table/partitions/7", 404, 40402, ONE, JSON),
    Case("partition of no topic", "POST", "/topics/nothing/partitions/0", 404, 40401, ONE, JSON),
    Case("no such place", "POST", "/topics/table/partitions/x", 404, 404, ONE, JSON),
    # Producing: what works, one record after another
    Case("first record", "POST", "/topics/table", 200, None, ONE, JSON, body=_slots(0)),
    Case(
        "with parameters in its type",
        "POST",
        "/topics/table",
        200,
        None,
        ONE,
        {"Content-Type": f"{KAFKA_JSON}; charset=utf-8"},
        body=_slots(1),
    ),
    Case(
        "three records in order",
        "POST",
        "/topics/table",
        200,
        None,
        {"records": [{"value": 1}, {"key": "k", "value": None}, {"value": 3, "partition": 0}]},
        JSON,
        body=_slots(2, 3, 4),
    ),
    Case(
        "schema fields are taken",
        "POST",
        "/topics/table",
        200,
        None,
        {**ONE, "value_schema": None, "key_schema_id": None},
        JSON,
        body=_slots(5),
    ),
    Case(
        "to a partition",
        "POST",
        "/topics/table/partitions/0",
        200,
        None,
        ONE,
        JSON,
        body=_slots(6),
    ),
    Case(
        "binary",
        "POST",
        "/topics/table/partitions/0",
        200,
        None,
        {"records": [{"key": "AP8=", "value": "eyI="}, {"value": None}]},
        BINARY,
        body=_slots(7, 8),
    ),
    Case(
        "offsets after it",
        "GET",
        "/topics/table/partitions/0/offsets",
        200,
        body={"beginning_offset": 0, "end_offset": 9},
    ),
    # Consumers: what is not there
    *(
        Case(f"{method} {path} of no instance", method, NOBODY + path, 404, 40403, sent, V2)
        for method, path, sent in (
            ("DELETE", "", None),
            ("GET", "/subscription", None),
            ("POST", "/subscription", {"topics": ["table"]}),
            ("POST", "/subscription", {"topic_pattern": "t.*"}),
            ("DELETE", "/subscription", None),
            ("GET", "/assignments", None),
            ("POST", "/assignments", {"partitions": [PLACE]}),
            ("POST", "/positions", {"offsets": [{**PLACE, "offset": 0}]}),
            ("POST", "/positions/beginning", {"partitions": [PLACE]}),
            ("POST", "/positions/end", {"partitions": [PLACE]}),
            ("GET", "/records", None),
            ("POST", "/offsets", None),
            ("GET", "/offsets", {"partitions": [PLACE]}),
        )
    ),
    # Consumers: making one
    *(
        Case(f"consumer with {sent}", "POST", "/consumers/table", 422, 42204, sent, V2)
        for sent in (
            {"format": "avro"},
            {"format": "xml"},
            {"auto.offset.reset": "first"},
            {"auto.commit.enable": "yes"},
            {"fetch.min.bytes": "many"},
            {"fetch.min.bytes": -2},
            {"consumer.request.timeout.ms": "-1"},
        )
    ),
    Case("consumer, unknown field", "POST", "/consumers/table", 422, 422, {"id": "x"}, V2),
    Case("consumer, empty name", "POST", "/consumers/table", 422, 422, {"name": ""}, V2),
    *(
        Case(f"consumer, name {title}", "POST", "/consumers/table", 422, 422, {"name": name}, V2)
        for title, name in NO_NAMES.items()
    ),
    *(
        Case(f"consumer, group {title}", "POST", f"/consumers/{quote(name)}", 422, 422)
        for title, name in NO_NAMES.items()
    ),
    Case("consumer, not JSON", "POST", "/consumers/table", 400, 400, b"{", V2),
    Case(
        "consumer, other type",
        "POST",
        "/consumers/table",
        415,
        415,
        {},
        {"Content-Type": "application/json"},
    ),
    Case("consumer, no type", "POST", "/consumers/table", 415, 415, b"{}"),
    Case("consumer exists", "POST", "/consumers/table", 409, 40902, {"name": "one"}, V2),
    # Consumers: an instance that is there ("one", JSON, nothing subscribed)
    Case("nothing subscribed", "GET", f"{INSTANCE}/subscription", 200, body={"topics": []}),
    Case("nothing assigned", "GET", f"{INSTANCE}/assignments", 200, body={"partitions": []}),
    Case("subscribe to nothing", "POST", f"{INSTANCE}/subscription", 422, 422, {}, V2),
    Case(
        "subscribe twice over",
        "POST",
        f"{INSTANCE}/subscription",
        409,
        40903,
        {"topics": ["table"], "topic_pattern": "t.*"},
        V2,
    ),
    Case(
        "seek without assignment",
        "POST",
        f"{INSTANCE}/positions",
        409,
        40903,
        {"offsets": [{**PLACE, "offset": 0}]},
        V2,
    ),
    Case(
        "seek to the end without assignment",
        "POST",
        f"{INSTANCE}/positions/end",
        409,
        40903,
        {"partitions": [PLACE]},
        V2,
    ),
    Case(
        "seek below 0",
        "POST",
        f"{INSTANCE}/positions",
        422,
        422,
        {"offsets": [{**PLACE, "offset": -1}]},
        V2,
    ),
    *(
        Case(f"{method} {path}, topic {title}", method, INSTANCE + path, 422, 422, sent, V2)
        for title, name in NO_TOPICS.items()
        for method, path, sent in (
            ("POST", "/subscription", {"topics": [name]}),
            ("POST", "/assignments", {"partitions": [{"topic": name, "partition": 0}]}),
            ("POST", "/positions", {"offsets": [{**PLACE, "topic": name, "offset": 0}]}),
            ("POST", "/positions/beginning", {"partitions": [{"topic": name, "partition": 0}]}),
            ("POST", "/positions/end", {"partitions": [{"topic": name, "partition": 0}]}),
            ("POST", "/offsets", {"offsets": [{**PLACE, "topic": name, "offset": 0}]}),
            ("GET", "/offsets", {"partitions": [{"topic": name, "partition": 0}]}),
        )
    ),
    *(
        Case(f"{method} {path} of {LONG}", method, INSTANCE + path, 422, 422, sent, V2)
        for method, path, sent in (
            ("POST", "/subscription", {"topics": ["table"] * LONG}),
            ("POST", "/assignments", {"partitions": [PLACE] * LONG}),
            ("POST", "/positions", {"offsets": [{**PLACE, "offset": 0}] * LONG}),
            ("POST", "/positions/beginning", {"partitions": [PLACE] * LONG}),
            ("POST", "/positions/end", {"partitions": [PLACE] * LONG}),
            ("POST", "/offsets", {"offsets": [{**PLACE, "offset": 0}] * LONG}),
            ("GET", "/offsets", {"partitions": [PLACE] * LONG}),
        )
    ),
    *(
        Case(f"commit with {title}", "POST", f"{INSTANCE}/offsets", 422, 422, {"offsets": [at]}, V2)
        for title, at in {
            "partition 2**31": {"topic": "table", "partition": 2**31, "offset": 0},
            "offset 2**63 - 1": {**PLACE, "offset": 2**63 - 1},
            "NUL in metadata": {**PLACE, "offset": 0, "metadata": "a\0b"},
            "metadata of 40,000": {**PLACE, "offset": 0, "metadata": "x" * 40_000},
        }.items()
    ),
    Case("committed of what?", "GET", f"{INSTANCE}/offsets", 404, 40402),
    Case(
        "nothing committed",
        "GET",
        f"{INSTANCE}/offsets",
        200,
        None,
        {"partitions": [PLACE]},
        V2,
        body={"offsets": []},
    ),
    Case("commit nothing", "POST", f"{INSTANCE}/offsets", 200, body=[]),
    Case("assign, no body", "POST", f"{INSTANCE}/assignments", 400, 400, b"", V2),
    Case(
        "read as binary", "GET", f"{INSTANCE}/records", 406, 40601, headers={"Accept": KAFKA_BINARY}
    ),
    Case("read without a format", "GET", f"{INSTANCE}/records", 406, 40601),
    Case(
        "read, not acceptable",
        "GET",
        f"{INSTANCE}/records",
        406,
        406,
        headers={"Accept": "application/json"},
    ),
    Case(
        "timeout no number",
        "GET",
        f"{INSTANCE}/records?timeout=soon",
        400,
        400,
        headers={"Accept": KAFKA_JSON},
    ),
    *(
        Case(
            f"the largest {name}",
            "GET",
            f"{INSTANCE}/records?timeout=1&{name}={'9' * 400}",
            200,
            headers={"Accept": KAFKA_JSON},
            media=KAFKA_JSON,
            body=[],
        )
        for name in ("timeout", "max_bytes")
    ),
    Case(
        "nothing to read",
        "GET",
        f"{INSTANCE}/records?timeout=1",
        200,
        media=KAFKA_JSON,
        body=[],
        headers={"Accept": KAFKA_JSON},
    ),
    Case(
        "subscribe",
        "POST",
        f"{INSTANCE}/subscription",
        204,
        None,
        {"topics": ["table"]},
        V2,
        media=None,
    ),
    Case("subscribed", "GET", f"{INSTANCE}/subscription", 200, body={"topics": ["table"]}),
    Case(
        "subscribed, then assigned",
        "POST",
        f"{INSTANCE}/assignments",
        409,
        40903,
        {"partitions": [PLACE]},
        V2,
    ),
    Case(
        "subscribed, then by pattern",
        "POST",
        f"{INSTANCE}/subscription",
        409,
        40903,
        {"topic_pattern": "t.*"},
        V2,
    ),
    Case("unsubscribe", "DELETE", f"{INSTANCE}/subscription", 204, media=None),
    Case(
        "assign",
        "POST",
        f"{INSTANCE}/assignments",
        204,
        None,
        {"partitions": [PLACE]},
        V2,
        media=None,
    ),
    Case("assigned", "GET", f"{INSTANCE}/assignments", 200, body={"partitions": [PLACE]}),
    Case(
        "assigned, then subscribed",
        "POST",
        f"{INSTANCE}/subscription",
        409,
        40903,
        {"topics": ["table"]},
        V2,
    ),
    Case("seek elsewhere", "POST", f"{INSTANCE}/positions/beginning", 409, 40903, NO_PLACE, V2),
    Case("delete", "DELETE", INSTANCE, 204, media=None),
    Case("deleted", "DELETE", INSTANCE, 404, 40403),
)


@pytest.fixture(scope="module")
def table(proxy: Proxy, kafka: Service) -> Iterator[Proxy]:
    """A proxy with the topics and the instance that the table names."""
    create_topic("table")
    create_topic("empty")
    answer = proxy.send("POST", "/consumers/table", {"name": "one", "format": "json"})
    assert answer.status == 200
    yield proxy
    proxy.send("DELETE", INSTANCE)


# The rows are in order: each one may build on what those before it have left.
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_call(table: Proxy, case: Case) -> None:
    answer = table.call(case.method, case.path, case.sent, case.headers)

    assert (answer.status, answer.media) == (case.status, case.media), answer.body
    if case.code is not None:
        assert set(answer.json) == {"error_code", "message"}
        assert answer.json["error_code"] == case.code
        assert answer.json["message"]
    if case.body is not None:
        assert answer.json == case.body
    if case.status == 204:
        assert answer.body == b""


def test_topics_are_listed_by_name(table: Proxy) -> None:
    answer = table.call("GET", "/topics")

    assert answer.status == 200
    assert {"table", "empty"} <= set(answer.json)
    assert answer.json == sorted(answer.json)


def test_a_topic_shows_its_configuration_and_partitions(table: Proxy) -> None:
    answer = table.call("GET", "/topics/table").json

    assert answer["name"] == "table"
    assert answer["configs"]["cleanup.policy"] == "delete"
    assert answer["partitions"] == [PARTITION]


def test_a_wrong_method_is_told_the_right_ones(table: Proxy) -> None:
    assert table.call("DELETE", "/topics/table").headers["allow"] == "GET, POST"


@pytest.mark.parametrize("name", ["named", "im Büro? 100%"])
def test_the_base_uri_of_an_instance_is_that_of_the_request(
    table: Proxy, group: str, name: str
) -> None:
    answer = table.send("POST", f"/consumers/{group}", {"name": name})

    base = f"http://127.0.0.1:{table.port}/consumers/{group}/instances/{quote(name)}"
    assert answer.json == {"instance_id": name, "base_uri": base}
    assert table.send("DELETE", base.partition(str(table.port))[2]).status == 204


def test_an_instance_without_a_name_gets_one(table: Proxy, group: str) -> None:
    names = {table.call("POST", f"/consumers/{group}").json["instance_id"] for _ in range(2)}

    assert len(names) == 2
    for name in names:
        assert table.send("DELETE", f"/consumers/{group}/instances/{name}").status == 204


def test_health_is_well_and_says_why(table: Proxy) -> None:
    answer = table.call("GET", "/health")

    assert (answer.status, answer.media) == (200, "application/json")
    assert answer.json == {"status": "ok", "reason": "Kafka answers: 1 broker(s)"}

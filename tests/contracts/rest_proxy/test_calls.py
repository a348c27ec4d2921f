"""Every call of the API v2: status, media type, error code and body, in one table."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from contract.wire import KAFKA_BINARY, KAFKA_JSON, KAFKA_V2
from tests.support.program import Service
from tests.support.rest_proxy import Proxy, create_topic

JSON = {"Content-Type": KAFKA_JSON}
BINARY = {"Content-Type": KAFKA_BINARY}
V2 = {"Content-Type": KAFKA_V2}
ONE = {"records": [{"value": 1}]}


@dataclass(frozen=True)
class Case:
    """A request and its response. ``code`` is the error_code of the body; ``body`` all of it."""

    title: str
    method: str
    path: str
    status: int
    code: int | None = None
    sent: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    media: str | None = KAFKA_V2
    body: Any = None


def _results(*offsets: int, partition: int = 0) -> dict[str, Any]:
    return {
        "offsets": [
            {"partition": partition, "offset": offset, "error_code": None, "error": None}
            for offset in offsets
        ],
        "key_schema_id": None,
        "value_schema_id": None,
    }


INSTANCE = "/consumers/table/instances/one"
UNKNOWN = "/consumers/table/instances/unknown"
TARGET = {"topic": "table", "partition": 0}
TARGETS = {"partitions": [TARGET]}
OTHERS = {"partitions": [{"topic": "table", "partition": 7}]}
REPLICA = {"broker": 1, "leader": True, "in_sync": True}
PARTITION = {"partition": 0, "leader": 1, "replicas": [REPLICA]}
NO_NAMES = {"blank": " \t", "NUL": "\0", "a\\x85b": "a\x85b", "256 characters": "é" * 256}
NO_TOPICS = {
    "blank": " ",
    "..": "..",
    "a\\0b": "a\0b",
    "1,000 characters": "x" * 1000,
    "40,000 characters": "x" * 40_000,
}
"""tests/unit/rest_proxy/test_names.py has more invalid names."""
TOO_MANY = 10_001


def _produce(
    title: str,
    status: int,
    code: int | None = None,
    sent: Any = ONE,
    headers: dict[str, str] = JSON,
    at: str = "/topics/table",
    body: Any = None,
) -> Case:
    return Case(title, "POST", at, status, code, sent, headers, body=body)


def _offsets(topic: str, end: int) -> Case:
    path = f"/topics/{topic}/partitions/0/offsets"
    offsets = {"beginning_offset": 0, "end_offset": end}
    return Case(f"offsets of {topic}", "GET", path, 200, body=offsets)


def _invalid(title: str, status: int, sent: Any, headers: dict[str, str] = JSON) -> Case:
    """An invalid body of a produce request."""
    return _produce(title, status, status, sent, headers)


def _read(title: str, status: int, code: int | None, accept: str, query: str = "") -> Case:
    """A read of the instance that returns no records."""
    nothing = {"media": accept, "body": []} if status == 200 else {}
    headers = {"Accept": accept} if accept else {}
    path = f"{INSTANCE}/records{query}"
    return Case(title, "GET", path, status, code, headers=headers, **nothing)  # type: ignore[arg-type]


def _one(
    title: str,
    method: str,
    path: str,
    status: int,
    code: int | None = None,
    sent: Any = None,
    body: Any = None,
) -> Case:
    """A call on the existing instance."""
    headers = {} if sent is None else V2
    media = None if status == 204 else KAFKA_V2
    return Case(title, method, INSTANCE + path, status, code, sent, headers, media, body)


def _calls_with_topics(topic: str, count: int = 1) -> tuple[tuple[str, str, Any], ...]:
    """Return each call on an instance whose body names topics, with ``count`` of them."""
    place = {"topic": topic, "partition": 0}
    partitions = {"partitions": [place] * count}
    offsets = {"offsets": [{**place, "offset": 0}] * count}
    return (
        ("POST", "/subscription", {"topics": [topic] * count}),
        ("POST", "/assignments", partitions),
        ("POST", "/positions", offsets),
        ("POST", "/positions/beginning", partitions),
        ("POST", "/positions/end", partitions),
        ("POST", "/offsets", offsets),
        ("GET", "/offsets", partitions),
    )


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
    Case("other type, or any", "GET", "/brokers", 200, headers={"Accept": "text/html, */*"}),
    _invalid("produce, not acceptable", 406, ONE, {**JSON, "Accept": "application/json"}),
    Case(
        "type of records", "GET", "/brokers", 200, media=KAFKA_JSON, headers={"Accept": KAFKA_JSON}
    ),
    # Metadata
    Case("topic unknown", "GET", "/topics/nothing", 404, 40401),
    *(
        Case(f"topic {title} unknown", "GET", f"/topics/{quote(name, safe='')}", 404, 40401)
        for title, name in {**NO_TOPICS, "249 characters": "x" * 249}.items()
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
    _offsets("empty", 0),
    Case("brokers", "GET", "/brokers", 200, body={"brokers": [1]}),
    # Producing: the types
    _invalid("no content type", 415, b'{"records":[{"value":1}]}', {}),
    _invalid("content type JSON", 415, ONE, {"Content-Type": "application/json"}),
    _invalid("content type without a format", 415, ONE, V2),
    _invalid("Avro", 415, ONE, {"Content-Type": "application/vnd.kafka.avro.v2+json"}),
    _invalid("compressed body", 415, ONE, {**JSON, "Content-Encoding": "gzip"}),
    # Producing: the body
    _invalid("no body", 400, b""),
    _invalid("not JSON", 400, b'{"records":[{"value":1}'),
    _invalid("not JSON, from the start", 400, b"["),
    _invalid("not UTF-8", 400, b'{"records":[{"value":"\xff"}]}'),
    _invalid("NaN", 400, b'{"records":[{"value":NaN}]}'),
    _invalid("lone surrogate", 400, rb'{"records":[{"value":"\ud800"}]}'),
    _invalid("too deep", 400, b'{"records":[{"value":' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"),
    _invalid("a list", 422, []),
    _invalid("no records", 422, {}),
    _invalid("records null", 422, {"records": None}),
    _invalid("records empty", 422, {"records": []}),
    _invalid("records no list", 422, {"records": {"value": 1}}),
    _invalid("unknown field", 422, {**ONE, "acks": 1}),
    _invalid("no value", 422, {"records": [{"key": 1}]}),
    _invalid("unknown field of a record", 422, {"records": [{"value": 1, "headers": []}]}),
    _invalid("record no object", 422, {"records": [1]}),
    _invalid("partition a text", 422, {"records": [{"value": 1, "partition": "0"}]}),
    _invalid("record's partition below 0", 422, {"records": [{"value": 1, "partition": -1}]}),
    *(
        _invalid(f"{name} {value}", 422, {**ONE, name: value})
        for name in ("key_schema_id", "value_schema_id")
        for value in (-1, 2**31, 2**70)
    ),
    _invalid("not base64", 422, {"records": [{"value": "*"}]}, BINARY),
    _invalid("binary, no text", 422, {"records": [{"value": 1}]}, BINARY),
    # Producing: where to
    _produce("no such topic", 404, 40401, at="/topics/nothing"),
    *(
        _produce(f"no topic {title}", 404, 40401, at=f"/topics/{quote(name, safe='')}")
        for title, name in NO_TOPICS.items()
    ),
    _produce("no such partition", 404, 40402, at="/topics/table/partitions/7"),
    _produce("to a partition of no topic", 404, 40401, at="/topics/nothing/partitions/0"),
    _produce("partition is no number", 404, 404, at="/topics/table/partitions/x"),
    # Producing: valid requests; the offsets follow each other
    _produce("first record", 200, body=_results(0)),
    _produce(
        "with parameters in its type",
        200,
        headers={"Content-Type": f"{KAFKA_JSON}; charset=utf-8"},
        body=_results(1),
    ),
    _produce(
        "three records in order",
        200,
        sent={"records": [{"value": 1}, {"key": "k", "value": None}, {"value": 3, "partition": 0}]},
        body=_results(2, 3, 4),
    ),
    _produce(
        "schema fields are taken",
        200,
        sent={**ONE, "value_schema": None, "key_schema_id": None},
        body=_results(5),
    ),
    _produce("to a partition", 200, at="/topics/table/partitions/0", body=_results(6)),
    _produce(
        "binary",
        200,
        sent={"records": [{"key": "AP8=", "value": "eyI="}, {"value": None}]},
        headers=BINARY,
        at="/topics/table/partitions/0",
        body=_results(7, 8),
    ),
    _offsets("table", 9),
    # Consumers: an unknown instance
    *(
        Case(f"{method} {path} of no instance", method, UNKNOWN + path, 404, 40403, sent, V2)
        for method, path, sent in (
            ("DELETE", "", None),
            ("GET", "/subscription", None),
            ("POST", "/subscription", {"topic_pattern": "t.*"}),
            ("DELETE", "/subscription", None),
            ("GET", "/assignments", None),
            ("GET", "/records", None),
            ("POST", "/offsets", None),
            *_calls_with_topics("table"),
        )
    ),
    # Consumers: creation
    *(
        Case(f"consumer with {sent!r:.60}", "POST", "/consumers/table", status, code, sent, headers)
        for status, code, sent, headers in (
            (422, 42204, {"format": "avro"}, V2),
            (422, 42204, {"format": "xml"}, V2),
            (422, 42204, {"auto.offset.reset": "first"}, V2),
            (422, 42204, {"auto.commit.enable": "yes"}, V2),
            (422, 42204, {"fetch.min.bytes": "many"}, V2),
            (422, 42204, {"fetch.min.bytes": -2}, V2),
            (422, 42204, {"fetch.min.bytes": "1_0"}, V2),
            (422, 42204, {"fetch.min.bytes": 10_000_001}, V2),
            (422, 42204, {"fetch.min.bytes": "9" * 5000}, V2),
            (422, 42204, {"fetch.min.bytes": 10**30}, V2),
            (422, 422, b'{"fetch.min.bytes": %s}' % (b"9" * 5000), V2),
            (422, 42204, {"consumer.request.timeout.ms": "-1"}, V2),
            (422, 42204, {"consumer.request.timeout.ms": "nan"}, V2),
            (422, 42204, {"consumer.request.timeout.ms": 300_001}, V2),
            (422, 42204, {"consumer.request.timeout.ms": 2**31}, V2),
            (422, 422, {"id": "x"}, V2),
            (422, 422, {"name": ""}, V2),
            (400, 400, b"{", V2),
            (415, 415, {}, {"Content-Type": "application/json"}),
            (415, 415, b"{}", {}),
            (409, 40902, {"name": "one"}, V2),
        )
    ),
    *(
        Case(f"consumer, name {title}", "POST", "/consumers/table", 422, 422, {"name": name}, V2)
        for title, name in NO_NAMES.items()
    ),
    *(
        Case(f"consumer, group {title}", "POST", f"/consumers/{quote(name)}", 422, 422)
        for title, name in NO_NAMES.items()
    ),
    # Consumers: the existing instance ("one", JSON, nothing subscribed)
    _one("nothing subscribed", "GET", "/subscription", 200, body={"topics": []}),
    _one("nothing assigned", "GET", "/assignments", 200, body={"partitions": []}),
    _one("subscribe to nothing", "POST", "/subscription", 422, 422, {}),
    _one(
        "subscribe in both ways",
        "POST",
        "/subscription",
        409,
        40903,
        {"topics": ["table"], "topic_pattern": "t.*"},
    ),
    *(
        _one(f"seek with {sent}, not assigned", "POST", f"/positions{where}", status, code, sent)
        for where, status, code, sent in (
            ("", 409, 40903, {"offsets": [{**TARGET, "offset": 0}]}),
            ("/end", 409, 40903, TARGETS),
            ("", 422, 422, {"offsets": [{**TARGET, "offset": -1}]}),
        )
    ),
    *(
        _one(f"{method} {path}, topic {title}", method, path, 422, 422, sent)
        for title, name in NO_TOPICS.items()
        for method, path, sent in _calls_with_topics(name)
    ),
    *(
        _one(f"{method} {path} of {TOO_MANY}", method, path, 422, 422, sent)
        for method, path, sent in _calls_with_topics("table", TOO_MANY)
    ),
    *(
        _one(f"commit with {title}", "POST", "/offsets", 422, 422, {"offsets": [at]})
        for title, at in {
            "partition 2**31": {"topic": "table", "partition": 2**31, "offset": 0},
            "offset 2**63 - 1": {**TARGET, "offset": 2**63 - 1},
            "NUL in metadata": {**TARGET, "offset": 0, "metadata": "a\0b"},
            "metadata of 40,000": {**TARGET, "offset": 0, "metadata": "x" * 40_000},
        }.items()
    ),
    _one("committed, no body", "GET", "/offsets", 404, 40402),
    _one("nothing committed", "GET", "/offsets", 200, None, TARGETS, body={"offsets": []}),
    _one("commit nothing", "POST", "/offsets", 200, body=[]),
    _one("assign, no body", "POST", "/assignments", 400, 400, b""),
    _read("read as binary", 406, 40601, KAFKA_BINARY),
    _read("read without a format", 406, 40601, ""),
    _read("read, not acceptable", 406, 406, "application/json"),
    *(
        _read(f"{name} {value:.20}", 400, 400, KAFKA_JSON, f"?{name}={quote(value)}")
        for name in ("timeout", "max_bytes")
        for value in ("soon", "nan", "1e3", "1_0", " 5", "\u0661", "9" * 5000)
    ),
    _read("the largest timeout", 200, None, KAFKA_JSON, f"?timeout=1&timeout={'9' * 400}"),
    _read("the largest max_bytes", 200, None, KAFKA_JSON, f"?timeout=1&max_bytes={'9' * 400}"),
    _read("nothing to read", 200, None, KAFKA_JSON, "?timeout=1"),
    _one("subscribe", "POST", "/subscription", 204, None, {"topics": ["table"]}),
    _one("subscribed", "GET", "/subscription", 200, body={"topics": ["table"]}),
    _one("subscribed, then assigned", "POST", "/assignments", 409, 40903, TARGETS),
    _one("also by pattern", "POST", "/subscription", 409, 40903, {"topic_pattern": "t.*"}),
    _one("unsubscribe", "DELETE", "/subscription", 204),
    _one("assign", "POST", "/assignments", 204, None, TARGETS),
    _one("assigned", "GET", "/assignments", 200, body=TARGETS),
    _one("assigned, then subscribed", "POST", "/subscription", 409, 40903, {"topics": ["table"]}),
    _one("seek in another partition", "POST", "/positions/beginning", 409, 40903, OTHERS),
    _one("delete", "DELETE", "", 204),
    _one("deleted", "DELETE", "", 404, 40403),
)


@pytest.fixture(scope="module")
def table(proxy: Proxy, kafka: Service) -> Iterator[Proxy]:
    """A proxy with the topics and the instance that the table names."""
    create_topic("table")
    create_topic("empty")
    response = proxy.send("POST", "/consumers/table", {"name": "one", "format": "json"})
    assert response.status == 200
    yield proxy
    proxy.send("DELETE", INSTANCE)


# The order matters: a case may depend on the cases before it.
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_call(table: Proxy, case: Case) -> None:
    response = table.call(case.method, case.path, case.sent, case.headers)

    assert (response.status, response.media) == (case.status, case.media), response.body
    if case.code is not None:
        assert set(response.json) == {"error_code", "message"}
        assert response.json["error_code"] == case.code
        assert response.json["message"]
    if case.body is not None:
        assert response.json == case.body
    if case.status == 204:
        assert response.body == b""


def test_topics_are_listed_by_name(table: Proxy) -> None:
    response = table.call("GET", "/topics")

    assert response.status == 200
    assert {"table", "empty"} <= set(response.json)
    assert response.json == sorted(response.json)


def test_a_topic_shows_its_configuration_and_partitions(table: Proxy) -> None:
    response = table.call("GET", "/topics/table").json

    assert response["name"] == "table"
    assert response["configs"]["cleanup.policy"] == "delete"
    assert response["partitions"] == [PARTITION]


def test_a_wrong_method_gets_the_allowed_ones(table: Proxy) -> None:
    assert table.call("DELETE", "/topics/table").headers["allow"] == "GET, POST"


@pytest.mark.parametrize("name", ["named", "im Büro? 100%"])
def test_the_base_uri_of_an_instance_is_that_of_the_request(
    table: Proxy, group: str, name: str
) -> None:
    response = table.send("POST", f"/consumers/{group}", {"name": name})

    base = f"http://127.0.0.1:{table.port}/consumers/{group}/instances/{quote(name)}"
    assert response.json == {"instance_id": name, "base_uri": base}
    assert table.send("DELETE", base.partition(str(table.port))[2]).status == 204


def test_an_instance_without_a_name_gets_one(table: Proxy, group: str) -> None:
    names = {table.call("POST", f"/consumers/{group}").json["instance_id"] for _ in range(2)}

    assert len(names) == 2
    for name in names:
        assert table.send("DELETE", f"/consumers/{group}/instances/{name}").status == 204


def test_health_is_ok_with_a_reason(table: Proxy) -> None:
    response = table.call("GET", "/health")

    assert (response.status, response.media) == (200, "application/json")
    assert response.json == {"status": "ok", "reason": "Kafka answers: 1 broker(s)"}

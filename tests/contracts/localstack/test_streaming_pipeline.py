"""/streams: each call of Kinesis through the REST API, and the bytes of the records."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from contract import names, wire
from contract.entities import ENTITIES, PIN
from tests.support.localstack import USER_ID, LocalStack, everything, made_stream, state
from tests.support.upstream import Upstream
from tests.support.waiting import wait_for

NASTY = {
    "index": 7528,
    "title": "quote \" back \\ slash / line\nbreak tab\t 'single' é ü 漢 😀 \u00a0…",
    "vtl": "$foo ${bar} $input.body #if(1) #set($a=1) #end ## #*",
    "html": "</b> & <i>",
    "float": -89.9787,
    "whole": 12345678901234567890,
    "null": None,
    "empty": "",
    "yes": True,
    "nested": {"list": [1, {"deep": []}], "none": {}},
}
KEYS = ["7528", 'a"b', "a\\b", "a'b", "é😀", "$foo #if", "line\nbreak", "k" * 256]


class Streams:
    """The streaming part of the REST API."""

    def __init__(self, base: str, http: requests.Session) -> None:
        self.base, self.http = base, http

    def call(self, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
        """Send ``body`` (JSON, or bytes unchanged); return the status and the JSON response."""
        data = body if isinstance(body, bytes | None) else wire.dumps(body).encode()
        answer = self.http.request(
            method,
            f"{self.base}/streams{path}",
            data=data,
            headers={"Content-Type": wire.JSON},
            timeout=60,
        )
        return answer.status_code, answer.json()


@pytest.fixture(scope="session")
def streams(localstack: LocalStack, http: requests.Session) -> Streams:
    return Streams(localstack.api, http)


@pytest.fixture
def stream(kinesis: Any) -> Iterator[str]:
    """A stream of the test, with one shard."""
    with made_stream(kinesis, "streaming-test") as name:
        yield name


def records(kinesis: Any, stream: str) -> list[tuple[str, bytes]]:
    """Every record of a stream with one shard: partition key and bytes."""
    return [(record["PartitionKey"], record["Data"]) for record in everything(kinesis, stream)]


def test_list(streams: Streams) -> None:
    status, body = streams.call("GET")
    assert status == 200
    assert {names.stream(USER_ID, entity) for entity in ENTITIES} <= set(body["StreamNames"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", ""),
        ("HEAD", ""),
        ("PUT", "/streaming-made"),
        ("POST", "/streaming-made/record"),
        ("GET", "/streaming-made/records"),
        ("OPTIONS", "/streaming-made/records/"),
    ],
)
def test_an_undefined_method_is_refused_by_api_gateway(
    localstack: LocalStack, upstream: Upstream, http: requests.Session, method: str, path: str
) -> None:
    answer = http.request(method, f"{localstack.api}/streams{path}", timeout=30)
    assert answer.status_code == 403
    assert answer.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    if method != "HEAD":
        assert answer.json() == {"message": "Missing Authentication Token"}
    assert upstream.received == []


def test_a_path_below_streams_that_is_no_resource_goes_to_the_rest_proxy(
    localstack: LocalStack, upstream: Upstream, http: requests.Session
) -> None:
    http.post(f"{localstack.api}/streams/streaming-made/shards", timeout=30).raise_for_status()
    assert [received.path for received in upstream.received] == ["/streams/streaming-made/shards"]


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_describe(streams: Streams, entity: Any) -> None:
    name = names.stream(USER_ID, entity)
    status, body = streams.call("GET", f"/{name}")
    assert status == 200
    described = body["StreamDescription"]
    assert (described["StreamName"], described["StreamStatus"]) == (name, "ACTIVE")
    assert described["StreamARN"] == f"arn:aws:kinesis:us-east-1:000000000000:stream/{name}"
    assert described["RetentionPeriodHours"] == 24
    assert len(described["Shards"]) == 1


@pytest.mark.parametrize(
    ("body", "shards"),
    [
        (None, 5),
        ({}, 5),
        ({"ShardCount": 2}, 2),
        ({"ShardCount": 1, "StreamName": "streaming-of-the-body"}, 1),
    ],
)
def test_create_and_delete(streams: Streams, kinesis: Any, body: Any, shards: int) -> None:
    path = "/streaming-made"
    assert streams.call("POST", path, body) == (200, {})
    wait_for("the stream made", lambda: state(kinesis, "streaming-made") == "ACTIVE")
    described = streams.call("GET", path)[1]["StreamDescription"]
    assert len(described["Shards"]) == shards
    assert state(kinesis, "streaming-of-the-body") is None
    status, again = streams.call("POST", path, body)
    assert (status, again["__type"]) == (400, "ResourceInUseException")
    assert streams.call("DELETE", path) == (200, {})
    wait_for("the stream deleted", lambda: state(kinesis, "streaming-made") is None)


@pytest.mark.parametrize(
    "data", [NASTY, "text", "", 'a "quoted" text', 0, 1.5, True, None, [1, {"a": "é"}], {}]
)
def test_the_bytes_of_a_record_are_the_json_text_of_data(
    streams: Streams, kinesis: Any, stream: str, data: Any
) -> None:
    status, body = streams.call("PUT", f"/{stream}/record", {"Data": data, "PartitionKey": "7528"})
    assert (status, set(body)) == (200, {"ShardId", "SequenceNumber"})
    assert records(kinesis, stream) == [("7528", wire.dumps(data).encode())]


@pytest.mark.parametrize("key", KEYS)
def test_partition_keys_arrive_as_they_are(
    streams: Streams, kinesis: Any, stream: str, key: str
) -> None:
    one = streams.call("PUT", f"/{stream}/record", {"Data": 1, "PartitionKey": key})
    many = streams.call(
        "PUT", f"/{stream}/records", {"records": [{"data": "2", "partition-key": key}]}
    )
    assert (one[0], many[0]) == (200, 200), (one, many)
    assert records(kinesis, stream) == [(key, b"1"), (key, b"2")]


def test_a_row_in_its_wire_form(streams: Streams, kinesis: Any, stream: str) -> None:
    row = {name: NASTY["title"] for name in PIN.column_names}
    body = wire.kinesis_record(names.stream(USER_ID, PIN), row, "7528")
    assert streams.call("PUT", f"/{stream}/record", body)[0] == 200
    assert streams.call("PUT", f"/{stream}/records", wire.kinesis_records([("7528", row)]))[0] == (
        200
    )
    assert records(kinesis, stream) == [("7528", wire.dumps(row).encode())] * 2
    assert records(kinesis, names.stream(USER_ID, PIN)) == []  # the stream of the path counts


def test_many_records(streams: Streams, kinesis: Any, stream: str) -> None:
    rows = [{**NASTY, "index": index} for index in range(500)]
    body = wire.kinesis_records((str(row["index"]), row) for row in rows)  # type: ignore[misc]
    status, answer = streams.call("PUT", f"/{stream}/records", body)
    assert (status, answer["FailedRecordCount"], len(answer["Records"])) == (200, 0, 500)
    assert records(kinesis, stream) == [
        (str(row["index"]), wire.dumps(row).encode()) for row in rows
    ]


def test_data_of_many_records_may_be_objects(streams: Streams, kinesis: Any, stream: str) -> None:
    given = [NASTY, [1, "é"], "text", '"quoted"', "", 1.5]
    body = {"records": [{"data": data, "partition-key": "k"} for data in given]}
    assert streams.call("PUT", f"/{stream}/records", body)[0] == 200
    wanted = [data if isinstance(data, str) else wire.dumps(data) for data in given]  # type: ignore[arg-type]
    assert [data.decode() for _, data in records(kinesis, stream)] == wanted


RECORD: dict[str, Any] = {"Data": 1, "PartitionKey": "k"}
RECORDS = {"records": [{"data": "1", "partition-key": "k"}]}
MISSING, INVALID = "ResourceNotFoundException", "ValidationException"
REFUSED: list[tuple[str, str, Any, str | None]] = [
    ("GET", "/streaming-none", None, MISSING),
    ("DELETE", "/streaming-none", None, MISSING),
    ("GET", "/streaming%22none", None, INVALID),
    ("POST", "/streaming-made", {"ShardCount": 0}, INVALID),
    ("POST", "/streaming-made", b"{not json", None),
    ("PUT", "/streaming-none/record", RECORD, MISSING),
    ("PUT", "/streaming-test/record", RECORD | {"PartitionKey": ""}, INVALID),
    ("PUT", "/streaming-test/record", RECORD | {"PartitionKey": "k" * 257}, INVALID),
    ("PUT", "/streaming-test/record", RECORD | {"PartitionKey": 7528}, None),
    ("PUT", "/streaming-test/record", {"Data": 1}, None),
    ("PUT", "/streaming-test/record", {"PartitionKey": "k"}, None),
    ("PUT", "/streaming-test/record", b"{not json", None),
    ("PUT", "/streaming-test/record", b"[]", None),
    ("PUT", "/streaming-test/record", b"", None),
    ("PUT", "/streaming-test/record", RECORD | {"Data": "x" * 1_048_577}, INVALID),
    ("PUT", "/streaming-none/records", RECORDS, MISSING),
    ("PUT", "/streaming-test/records", {"records": []}, INVALID),
    ("PUT", "/streaming-test/records", {"records": RECORDS["records"] * 501}, INVALID),
    ("PUT", "/streaming-test/records", {"records": [{"data": "1", "partition-key": ""}]}, INVALID),
    ("PUT", "/streaming-test/records", {"records": [{"data": "1"}]}, None),
    ("PUT", "/streaming-test/records", {"records": [{"partition-key": "k"}]}, None),
    ("PUT", "/streaming-test/records", {"Records": []}, None),
    ("PUT", "/streaming-test/records", b"{not json", None),
    ("PUT", "/streaming-test/records", None, None),
]


def test_wrong_requests_are_rejected(streams: Streams, kinesis: Any, stream: str) -> None:
    """400, with the error of Kinesis, or with API Gateway's message for what it rejects itself."""
    seen = []
    for method, path, body, _ in REFUSED:
        status, answer = streams.call(method, path, body)
        seen.append((method, path, body, status, answer.get("__type"), set(answer) - {"__type"}))
    assert seen == [
        (method, path, body, 400, kind, {"message"}) for method, path, body, kind in REFUSED
    ]
    assert records(kinesis, stream) == []


def test_only_json_is_accepted(localstack: LocalStack, stream: str, http: requests.Session) -> None:
    answer = http.put(
        f"{localstack.api}/streams/{stream}/record",
        data=json.dumps(RECORD),
        headers={"Content-Type": "text/plain"},
        timeout=60,
    )
    assert answer.status_code == 415

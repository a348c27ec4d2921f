"""The streaming program where it differs from the batch program: requests and responses."""

import json

import pytest

from contract import names
from contract.entities import ENTITIES, PIN
from contract.settings import Settings
from emulator.delivery.request import requests
from emulator.routes.kinesis import MOST_RECORDS, KinesisRoute
from tests.unit.emulator.conftest import FAST, FIRST, Faulty, Program, row
from tests.unit.emulator.test_emulator_draw import BODIES

STREAMS = [names.stream("0a1b2c3d4e5f", entity) for entity in ENTITIES]


def test_a_dry_run_is_exact(streaming: Program, gateway: Faulty) -> None:
    assert streaming.dry("--count", "1") == [
        f'{{"method":"PUT","url":"{gateway.url}/streams/{stream}/record",'
        '"headers":{"Content-Type":"application/json"},'
        f'"body":{{"StreamName":"{stream}","Data":{value},"PartitionKey":"7528"}}}}'
        for stream, value in zip(STREAMS, BODIES, strict=True)
    ]
    first, *_ = streaming.dry("--count", "2", "--batch-size", "2", "--partition-key", "ö")
    document = json.loads(first)
    assert document["url"] == f"{gateway.url}/streams/{STREAMS[0]}/records"
    records = document["body"]["records"]
    assert [set(record) for record in records] == [{"data", "partition-key"}] * 2
    assert [record["partition-key"] for record in records] == ["ö", "ö"]
    assert records[0]["data"] == BODIES[0]
    assert gateway.requests == []


def test_only_the_records_that_failed_are_sent_again(streaming: Program, gateway: Faulty) -> None:
    gateway.faults.extend(["slot 3 ProvisionedThroughputExceededException", "", "", "slot 0 No"])
    code, counts, _ = streaming.run(*FAST, "--count", "10", "--batch-size", "9")
    assert code == 0
    sent = [(stream, [value.get("index", value.get("ind")) for value in values])
            for stream, values in gateway.requests]  # fmt: skip
    pin, geo, user = STREAMS
    assert sent == [
        (pin, FIRST[:9]), (pin, [FIRST[3]]), (geo, FIRST[:9]),
        (user, FIRST[:9]), (user, [FIRST[0]]),
        (pin, [FIRST[9]]), (geo, [FIRST[9]]), (user, [FIRST[9]]),
    ]  # fmt: skip
    assert {name: counts["entities"][name]["retried"] for name in ("pin", "geo", "user")} == {
        "pin": 1,
        "geo": 0,
        "user": 1,
    }


def test_a_request_is_kept_within_the_limits_of_kinesis() -> None:
    route = KinesisRoute(Settings())
    small = [row(key) for key in range(2 * MOST_RECORDS)]
    assert [len(request.rows) for request in requests(route, PIN, small)] == [MOST_RECORDS] * 2
    # Kinesis rejects a whole request for one record, so the large one has its own.
    mixed = [row(0), row(1, "é" * 600_000), row(2)]
    assert [row.key for row in next(requests(route, PIN, mixed)).rows] == [0]
    assert [len(request.rows) for request in requests(route, PIN, mixed)] == [1, 1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"Records":[{"ShardId":"s","SequenceNumber":"1"},{"ErrorCode":"e"}]}',
        b'{"FailedRecordCount":0,"Records":[{"ShardId":"s","SequenceNumber":"1"},{"ErrorCode":"e"}]}',
        b'{"FailedRecordCount":1,"Records":[{"ErrorCode":"e"}]}',
        b'{"FailedRecordCount":0,"Records":[{"ShardId":"s"},{"ShardId":"s"}]}',
    ],
)
def test_a_contradictory_response_is_sent_again(answer: bytes) -> None:
    route = KinesisRoute(Settings())
    request = route.request(PIN, [row(1), row(2)])
    outcomes = route.outcomes(request, 200, answer)
    assert [(outcome.stored, outcome.again) for outcome in outcomes] == [(False, True)] * 2

"""The streaming program where it differs from the batch program: requests and responses."""

import json
from pathlib import Path

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


def test_the_journal_has_positions_and_errors(streaming: Program, gateway: Faulty) -> None:
    gateway.faults.extend(["slot 1 InternalFailure"])
    streaming.run(*FAST, "--count", "2", "--batch-size", "2")
    lines = [json.loads(line) for line in streaming.journal.read_text().splitlines()]
    first = {"stream": STREAMS[0], "shard": "shardId-000000000000", "sequence_number": "0"}
    assert lines[0]["url"] == f"{gateway.url}/streams/{STREAMS[0]}/records"
    assert lines[0]["records"] == [
        {"key": FIRST[0], **first},
        {"key": FIRST[1], "error": "InternalFailure not now"},
    ]
    assert lines[1]["url"] == f"{gateway.url}/streams/{STREAMS[0]}/record"
    assert lines[1]["records"] == [{"key": FIRST[1], **first, "sequence_number": "1"}]


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


def test_a_trace_reads_the_responses_of_its_own_pipeline(
    program: Program, streaming: Program, gateway: Faulty
) -> None:
    from hops.journal import responses

    for one in (program, streaming):
        assert one.run(*FAST, "--count", "1")[0] == 0
    journal: Path = program.journal
    (batch,) = responses(journal, names.topic("0a1b2c3d4e5f", PIN), FIRST[0])
    (stream,) = responses(journal, STREAMS[0], FIRST[0])
    assert (batch.method, batch.position) == ("POST", "partition 0, offset 0")
    assert stream.method == "PUT"
    assert stream.position.startswith("shard ")
    assert len(gateway.requests) == 6

"""Rows under faults of the gateway: each one is acknowledged or failed, and none is lost."""

import signal
from pathlib import Path

import pytest

from contract.entities import ENTITIES
from tests.support.ports import free_port
from tests.support.waiting import wait_for
from tests.unit.emulator.conftest import FAST, FIRST, Faulty, Program, finish


def test_rows_arrive_in_order_pin_geo_user(either: Program, gateway: Faulty) -> None:
    code, counts, output = either.run(*FAST, "--count", "5")
    assert code == 0, output
    assert gateway.stored == [(target, key) for key in FIRST[:5] for target in either.targets]
    in_streams = [str(key) for target, key in gateway.stored if target.startswith("streaming-")]
    assert gateway.partition_keys == in_streams
    assert (counts["posts"], counts["sent"], counts["acknowledged"]) == (5, 15, 15)
    assert "15 rows sent, 15 acknowledged, 0 failed" in output
    assert gateway.connections == 1, "the connection is kept"


def test_a_batch_holds_the_rows_of_one_entity_in_order(program: Program, gateway: Faulty) -> None:
    code, _, _ = program.run(*FAST, "--count", "10", "--batch-size", "4")
    assert code == 0
    assert [(topic[-3:], len(values)) for topic, values in gateway.requests] == [
        ("pin", 4), ("geo", 4), ("ser", 4), ("pin", 4), ("geo", 4), ("ser", 4),
        ("pin", 2), ("geo", 2), ("ser", 2),
    ]  # fmt: skip
    for entity in ENTITIES:
        assert gateway.keys(entity.name) == FIRST[:10]


PASSING = (
    "status 500", "status 503 1", "status 429 1", "status 408, status 502", "text", "short", "cut",
    "drop", "slot 0 50003", "slot 0 2",
)  # fmt: skip
PASSING_OF_KINESIS = (
    "status 500", "status 429 1", "text", "short", "cut", "drop",
    "error ProvisionedThroughputExceededException",
    "error com.amazonaws.kinesis.v20131202#ThrottlingException",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "size", "faults"),
    [
        ("program", 1, PASSING),
        ("streaming", 1, PASSING_OF_KINESIS),
        ("streaming", 3, PASSING_OF_KINESIS),
    ],
)
def test_a_temporary_error_is_retried(
    name: str, size: int, faults: tuple[str, ...], gateway: Faulty, request: pytest.FixtureRequest
) -> None:
    for fault in faults:
        gateway.faults.extend([*fault.split(", "), ""])
    failing, posts = len(gateway.faults) - len(faults), 4 * size
    options = (*FAST, "--count", str(posts), "--batch-size", str(size))
    code, counts, output = request.getfixturevalue(name).run(*options)
    assert code == 0, output
    assert not gateway.faults
    assert counts["acknowledged"] == 3 * posts
    assert counts["retried"] == failing * size
    for entity in ENTITIES:
        assert set(gateway.keys(entity.name)) == set(FIRST[:posts])
    assert gateway.requests[0] == gateway.requests[1], "the same rows again, in their place"


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("program", "status 404"),
        ("program", "status 413"),
        ("program", "status 422"),
        ("program", "slot 0 50002"),
        ("streaming", "status 413"),
        ("streaming", "error ResourceNotFoundException"),
        ("streaming", "error ValidationException"),
    ],
)
def test_a_rejected_row_fails_and_the_others_are_stored(
    name: str, gateway: Faulty, fault: str, request: pytest.FixtureRequest
) -> None:
    gateway.faults.append(fault)
    code, counts, output = request.getfixturevalue(name).run(*FAST, "--count", "3")
    assert code == 1
    assert (counts["sent"], counts["acknowledged"], counts["failed"]) == (9, 8, 1)
    assert counts["entities"]["pin"]["failed"] == 1
    assert len(gateway.requests) == 9, "not tried again"
    assert fault.split()[-1] in output


def test_a_request_that_times_out_is_sent_again(program: Program, gateway: Faulty) -> None:
    gateway.faults.append("hang")
    code, counts, _ = program.run(*FAST, "--count", "2", "--timeout", "0.5")
    assert code == 0
    assert (counts["acknowledged"], counts["retried"]) == (6, 1)
    first, second, *_ = program.sent()
    assert (first.key, first.state, first.attempts) == (7528, "stored", 2)
    assert (second.key, second.state, second.attempts) == (7528, "stored", 1)


def test_a_gateway_that_is_gone_ends_the_run(source_url: str, tmp_path: Path) -> None:
    nobody = Program(source_url, tmp_path, f"http://127.0.0.1:{free_port()}/dev")
    code, counts, output = nobody.run(*FAST, "--retry-seconds", "0.5")
    assert code == 1
    assert counts["acknowledged"] == 0
    assert counts["failed"] == counts["sent"] > 0
    assert "the gateway is gone" in output
    assert "Connection refused" in output


def test_one_row_that_always_fails_does_not_end_the_run(program: Program, gateway: Faulty) -> None:
    gateway.faults.extend(["status 500"] * 2)
    code, counts, _ = program.run(*FAST, "--count", "4", "--retry-seconds", "0")
    assert code == 1
    assert (counts["posts"], counts["failed"], counts["acknowledged"]) == (4, 2, 10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("batch", ["1", "7"])
def test_a_signal_ends_the_run_cleanly(
    program: Program, gateway: Faulty, number: signal.Signals, batch: str
) -> None:
    process = program.start("--json", *FAST, "--batch-size", batch, "--in-flight", "3")
    wait_for("the run is under way", lambda: len(gateway.stored) > 50)
    process.send_signal(number)
    code, counts, output = finish(process)
    assert code == 0, output
    assert counts["signal"] == number.name
    assert counts["sent"] == counts["acknowledged"] == 3 * counts["posts"] == len(gateway.stored)

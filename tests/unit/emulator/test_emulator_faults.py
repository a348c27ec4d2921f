"""Rows under faults of the gateway: each one is acknowledged or failed, and none is lost."""

import json
import signal
from collections import Counter
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
    lines = [json.loads(line) for line in program.journal.read_text().splitlines()]
    assert lines[0]["status"] is None
    assert lines[0]["records"] == [{"key": 7528, "error": "no answer in time"}]


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


def test_the_spool_is_sent_first_and_is_empty_afterwards(program: Program, gateway: Faulty) -> None:
    spool = program.folder / "with a space" / "spool.jsonl"
    gateway.always = "status 503"
    options = (*FAST, "--spool", str(spool), "--retry-seconds", "0")
    code, counts, output = program.run(*options, "--count", "10", "--batch-size", "2")
    assert code == 1
    entries = [json.loads(line) for line in spool.read_text().splitlines()]
    assert len(entries) == counts["failed"] == counts["kept"] > 0
    assert f"kept in {spool}" in output

    gateway.always = ""
    gateway.requests.clear()
    code, counts, _ = program.run(*options, "--count", "2", "--start", "20")
    assert code == 0
    assert counts["replayed"] == len(entries)
    arrived = Counter(key for _, key in gateway.stored)
    assert arrived == Counter(entry["key"] for entry in entries) + Counter(
        {key: 3 for key in gateway.keys("pin")[-2:]}
    )
    assert [gateway.requests[0][1][0]["index"]] == [entries[0]["key"]], "oldest first"
    assert not spool.exists()


def test_an_entry_leaves_the_spool_only_when_it_is_acknowledged(
    program: Program, gateway: Faulty
) -> None:
    spool = program.folder / "spool.jsonl"
    options = (*FAST, "--spool", str(spool), "--retry-seconds", "0", "--count", "1")
    gateway.always = "status 503"
    program.run(*options)
    before = spool.read_text().splitlines()
    assert len(before) == 3
    gateway.always = ""
    gateway.faults.extend(["", "status 404", ""])
    code, counts, _ = program.run(*options)
    assert code == 1
    assert spool.read_text().splitlines() == [before[1]]
    assert (counts["acknowledged"], counts["failed"], counts["kept"]) == (5, 1, 1)


def test_a_spool_line_cut_by_a_crash_is_put_aside(program: Program, gateway: Faulty) -> None:
    spool = program.folder / "spool.jsonl"
    row = {"entity": "geo", "key": 5, "value": {"ind": 5}}
    spool.write_text(json.dumps(row) + "\n" + json.dumps(row)[:20])
    code, counts, output = program.run(*FAST, "--spool", str(spool), "--count", "1")
    assert code == 0
    assert counts["replayed"] == 1
    assert "1 broken entries put aside" in output
    assert gateway.keys("geo") == [5, 7528]
    assert (program.folder / "spool.jsonl.broken").read_text() == json.dumps(row)[:20] + "\n"


def test_two_runs_over_one_spool_are_kept_apart(program: Program, gateway: Faulty) -> None:
    spool = str(program.folder / "spool.jsonl")
    gateway.always = "hang"
    first = program.start("--spool", spool, "--count", "1", *FAST, "--json")
    wait_for("the first run sends", lambda: gateway.requests)
    code, _, output = program.run("--spool", spool, "--count", "1", *FAST)
    assert code == 1
    assert "in use by another run" in output
    gateway.always = ""
    gateway.released.set()
    code, counts, _ = finish(first)
    assert (code, counts["acknowledged"]) == (0, 3)


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


def test_a_signal_without_responses_spools_the_rest(either: Program, gateway: Faulty) -> None:
    spool = either.folder / "spool.jsonl"
    options = (*FAST, "--spool", str(spool), "--batch-size", "7")
    gateway.always = "status 503"
    process = either.start("--json", *options)
    wait_for("the run is trying again", lambda: len(gateway.requests) > 2)
    process.send_signal(signal.SIGTERM)
    code, counts, _ = finish(process)
    assert code == 1
    assert counts["acknowledged"] == 0
    assert len(spool.read_text().splitlines()) == counts["kept"] == counts["failed"] > 0
    gateway.always = ""
    code, again, output = either.run(*options, "--count", "1")
    assert (code, again["replayed"]) == (0, counts["kept"]), output
    assert not spool.exists()


def test_a_kill_loses_no_entry_of_the_spool(program: Program, gateway: Faulty) -> None:
    spool = program.folder / "spool.jsonl"
    options = (*FAST, "--spool", str(spool), "--retry-seconds", "0", "--count", "10")
    gateway.always = "status 503"
    program.run(*options)
    entries = spool.read_text().splitlines()
    gateway.always = ""
    gateway.faults.extend([""] * (len(entries) - 1))
    gateway.always = "hang"
    process = program.start(*options)
    wait_for("all but one are sent again", lambda: len(gateway.stored) == len(entries) - 1)
    process.kill()
    finish(process)
    assert spool.read_text().splitlines() == entries
    gateway.released.set()
    gateway.always = ""
    code, counts, _ = program.run(*options)
    assert code == 0
    assert counts["replayed"] == len(entries)


def test_the_journal_has_every_response(program: Program, gateway: Faulty) -> None:
    gateway.faults.extend(["status 500", "slot 1 50003"])
    program.run(*FAST, "--count", "2", "--batch-size", "2")
    lines = [json.loads(line) for line in program.journal.read_text().splitlines()]
    assert [line["status"] for line in lines] == [500, 200, 200, 200, 200]
    assert lines[0]["records"] == [
        {"key": key, "error": 'HTTP 500 {"message":"no luck"}'} for key in FIRST[:2]
    ]
    assert lines[1]["method"] == "POST"
    assert lines[1]["url"] == f"{gateway.url}/topics/0a1b2c3d4e5f.pin"
    assert lines[1]["keys"] == FIRST[:2]
    assert lines[1]["records"] == [
        {"key": FIRST[0], "topic": "0a1b2c3d4e5f.pin", "partition": 0, "offset": 0},
        {"key": FIRST[1], "error": "50003 not now"},
    ]
    assert lines[2]["keys"] == [FIRST[1]]

"""The outbox: what was in flight is sent by the next run, whatever has ended the one before."""

import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from itertools import islice
from pathlib import Path
from threading import Event

import pytest

from contract import names
from contract.entities import ENTITIES, GEO, PIN
from contract.settings import Settings
from emulator.delivery.accounting import Accounting
from emulator.delivery.outbox import Outbox, OutboxError
from emulator.delivery.request import Outcome
from emulator.delivery.sender import Sender
from emulator.draw import original
from emulator.routes.kafka import KafkaRoute
from emulator.routes.kinesis import KinesisRoute
from hops.access import Access
from hops.errors import HopError
from hops.outbox import rows
from pinpipe.trace import trace
from tests.support import ROOT
from tests.support.emulator import drawn, kill_ten_times
from tests.support.waiting import wait_for
from tests.unit.emulator.conftest import FAST, FIRST, Faulty, Program, finish, row, run

AT_ONCE = (*FAST, "--retry-seconds", "0")


def test_rows_are_stored_as_they_are(tmp_path: Path) -> None:
    path, route = tmp_path / "outbox.db", KafkaRoute(Settings())
    drawn = [row(1, 'a\n"b" ✨'), row(2, entity=GEO)]
    with closing(Outbox(path, route)) as outbox:
        assert outbox.place("original") == 0
        outbox.record(drawn[:1], "original", 1)
        outbox.record(drawn[1:], "original", 7)
    with closing(Outbox(path, KinesisRoute(Settings()))) as outbox:
        assert list(outbox.earlier()) == [], "the rows of the other pipeline"
        assert outbox.place("original") == 0
    with closing(Outbox(path, route)) as outbox:
        found = list(outbox.earlier())
        assert [(r.entity, r.key, r.value) for r in found] == [
            (r.entity, r.key, r.value) for r in drawn
        ]
        assert (outbox.place("original"), outbox.place("sequential")) == (7, 0)
        outbox.settle(route.request(PIN, found[:1]), 200, [Outcome(found[0])], ())
    assert [(r.key, r.state) for r in rows(path)] == [(1, "stored"), (2, "in flight")]


def test_each_row_has_its_response(program: Program, streaming: Program, gateway: Faulty) -> None:
    gateway.faults.extend(["status 500", "slot 1 50003", "slot 0 50002"])
    assert program.run(*FAST, "--count", "2", "--batch-size", "2")[0] == 1
    pins = [r for r in program.sent() if r.target == "0a1b2c3d4e5f.pin"]
    assert [(r.key, r.state, r.attempts, r.error, r.place) for r in pins] == [
        (FIRST[0], "stored", 2, None, "partition 0, offset 0"),
        (FIRST[1], "refused", 3, "50002 not now", ""),
    ]
    request = f"POST {gateway.url}/topics/0a1b2c3d4e5f.pin"
    assert {(r.request, r.status) for r in pins} == {(request, 200)}
    assert program.sent("in flight") == []

    gateway.faults.append("slot 1 InternalFailure")
    assert streaming.run(*FAST, "--count", "2", "--batch-size", "2")[0] == 0
    stream = names.stream("0a1b2c3d4e5f", PIN)
    first, second = rows(streaming.outbox, "target = ?", (stream,))
    assert first.request == f"PUT {gateway.url}/streams/{stream}/records"
    assert first.shard == "shardId-000000000000"
    assert first.place.startswith("shard shardId-000000000000, sequence_number ")
    assert second.request == f"PUT {gateway.url}/streams/{stream}/record"
    assert (second.attempts, second.error) == (2, None)


def test_rows_that_got_no_answer_are_sent_first_by_the_next_run(
    program: Program, gateway: Faulty
) -> None:
    gateway.always = "status 503"
    code, counts, output = program.run(*AT_ONCE, "--count", "10", "--batch-size", "2")
    assert code == 1
    left = program.sent("in flight")
    assert len(left) == counts["failed"] == counts["kept"] > 0
    assert f"{len(left)} stay in {program.outbox}, and the next run sends them first" in output

    gateway.always = ""
    gateway.requests.clear()
    code, counts, output = program.run(*AT_ONCE, "--count", "2", "--start", "20")
    assert code == 0
    assert counts["replayed"] == len(left)
    assert f"{len(left)} of them from an earlier run" in output
    arrived = Counter(key for _, key in gateway.stored)
    new = Counter({key: 3 for key in gateway.keys("pin")[-2:]})
    assert arrived == Counter(r.key for r in left) + new
    assert [gateway.requests[0][1][0]["index"]] == [left[0].key], "oldest first"
    assert program.sent("in flight") == []
    assert program.run(*AT_ONCE, "--count", "1")[1]["replayed"] == 0


def test_a_rejected_row_is_not_sent_again(program: Program, gateway: Faulty) -> None:
    gateway.always = "status 503"
    program.run(*AT_ONCE, "--count", "1")
    gateway.always = ""
    gateway.faults.extend(["", "status 404", ""])
    code, counts, _ = program.run(*AT_ONCE, "--count", "1")
    assert code == 1
    assert (counts["replayed"], counts["acknowledged"], counts["kept"]) == (3, 5, 0)
    (refused,) = program.sent("refused")
    assert (refused.entity, refused.status) == ("geo", 404)
    assert program.run(*AT_ONCE, "--count", "1")[1]["replayed"] == 0


def test_a_signal_without_responses_leaves_the_rest_to_the_next_run(
    either: Program, gateway: Faulty
) -> None:
    gateway.always = "status 503"
    process = either.start("--json", *FAST, "--batch-size", "7")
    wait_for("the run is trying again", lambda: len(gateway.requests) > 2)
    process.send_signal(signal.SIGTERM)
    code, counts, _ = finish(process)
    assert (code, counts["acknowledged"]) == (1, 0)
    assert len(either.sent("in flight")) == counts["kept"] == counts["failed"] > 0
    gateway.always = ""
    code, again, output = either.run(*FAST, "--batch-size", "7", "--count", "1")
    assert (code, again["replayed"]) == (0, counts["kept"]), output
    assert either.sent("in flight") == []


def test_rows_without_a_response_after_a_stop_are_left(
    gateway: Faulty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.delivery.sender.GRACE", 0.2)
    gateway.always = "hang"
    accounting, stopping = Accounting(), Event()
    route = KafkaRoute(Settings.from_environ({"GATEWAY_INVOKE_URL": gateway.url}))
    with closing(Outbox(tmp_path / "outbox.db", route)) as outbox:
        sender = Sender(route, outbox, accounting, stopping)
        for key in (1, 2, 3):
            sender.send(outbox.record([row(key)], "original", key))
            if key == 2:
                stopping.set()
        sender.close()
        found = rows(tmp_path / "outbox.db")
    assert [(r.key, r.state) for r in found] == [(key, "in flight") for key in (1, 2, 3)]
    total = accounting.total
    assert (total.sent, total.acknowledged, total.failed, accounting.kept) == (3, 0, 3, 3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("program", "1"), ("streaming", "7")])
def test_ten_kills_lose_no_drawn_row(
    name: str, size: str, gateway: Faulty, request: pytest.FixtureRequest
) -> None:
    killed: Program = request.getfixturevalue(name)
    gateway.latency = 0.005
    options = (*FAST, "--batch-size", size, "--in-flight", "3")
    kill_ten_times(
        lambda *more: killed.start(*options, *more),
        killed.outbox,
        lambda: {entity.name: gateway.keys(entity.name) for entity in ENTITIES},
    )


def test_runs_share_an_outbox_and_leave_the_rows_of_others(
    program: Program, streaming: Program, gateway: Faulty
) -> None:
    gateway.always = "hang"
    first = program.start("--count", "1", *FAST)
    wait_for("the first run sends", lambda: gateway.requests)
    gateway.always = ""
    code, counts, _ = program.run("--count", "1", *FAST)
    assert (code, counts["replayed"]) == (0, 0)
    first.kill()
    finish(first)
    code, counts, _ = streaming.run("--count", "1", *FAST)
    assert (code, counts["replayed"]) == (0, 0)
    code, counts, _ = program.run("--count", "1", *FAST)
    assert (code, counts["replayed"]) == (0, 3)


def test_two_runs_at_full_speed(program: Program, streaming: Program, gateway: Faulty) -> None:
    runs = [one.start("--count", "300", *FAST, "--json") for one in (program, streaming)]
    for process in runs:
        code, counts, output = finish(process)
        assert (code, counts["acknowledged"]) == (0, 900), output
    assert len(program.sent("stored")) == 1800


def test_resume_goes_on_where_the_last_run_was(
    program: Program, streaming: Program, gateway: Faulty
) -> None:
    for options, keys in (
        (("--resume", "--count", "3"), FIRST[:3]),
        (("--resume", "--count", "4", "--batch-size", "3"), FIRST[3:7]),
        (("--count", "2"), FIRST[:2]),
        (("--resume", "--count", "1"), FIRST[2:3]),
        (("--resume", "--order", "sequential", "--count", "2"), [0, 1]),
        (("--resume", "--order", "sequential", "--count", "2"), [2, 3]),
        (("--start", "11152", "--order", "sequential"), [11152, 11153]),
        (("--resume", "--count", "1"), FIRST[3:4]),
    ):
        gateway.stored.clear()
        assert run(program, *FAST, *options).exit_code == 0
        assert gateway.keys("pin") == keys, options
    gateway.stored.clear()
    assert run(streaming, *FAST, "--resume", "--count", "1").exit_code == 0
    assert gateway.keys("pin") == FIRST[:1], "each pipeline has an order of its own"

    done = run(program, *FAST, "--resume", "--order", "sequential")
    assert done.exit_code == 2
    assert "Invalid value for '--resume': 11154 leaves none of the source's" in done.stderr
    gateway.stored.clear()
    process = program.start(*FAST, "--resume", "--order", "sequential", "--loop")
    wait_for("the order begins again", lambda: len(gateway.keys("pin")) > 2)
    process.kill()
    finish(process)
    assert gateway.keys("pin")[:3] == [0, 1, 2]


@pytest.mark.parametrize("other", [("--start", "1"), ("--dry-run",)])
def test_resume_has_no_start_and_no_dry_run(program: Program, other: tuple[str, ...]) -> None:
    done = run(program, "--resume", *other)
    assert done.exit_code == 2
    assert "--resume goes with neither --start nor --dry-run" in done.stderr
    assert not program.outbox.exists()


def test_the_file_has_a_bound(tmp_path: Path) -> None:
    """Settled rows are the newest ones, and neither they nor rows in flight leave holes."""
    path, route = tmp_path / "outbox.db", KafkaRoute(Settings())
    sizes = []
    with closing(Outbox(path, route, settled=1000)) as outbox:
        for number in range(0, 20_000, 100):
            drawn = [row(number + n, "x" * 400) for n in range(100)]
            found = outbox.record(drawn, "original", number)
            outcomes = [Outcome(r, position={"partition": 0, "offset": r.key}) for r in found]
            outbox.settle(route.request(PIN, found), 200, outcomes, ())
            sizes.append(sum(file.stat().st_size for file in tmp_path.iterdir()))
    assert [r.key for r in rows(path)] == list(range(19_000, 20_000))
    assert path.stat().st_size < 1000 * 250 + 100 * 1000
    assert max(sizes) < 20_000_000, "the log of SQLite, too"


def _damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    half = len(content) // 2
    path.write_bytes({"cut": content[:half], "emptied": b"", "text": b"no rows\n" * 600}[how])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("cut", "malformed"),
        ("emptied", "the file is empty, something has cut it"),
        ("text", "file is not a database"),
    ],
)
def test_a_damaged_outbox_is_named_and_left_as_it_is(
    program: Program, gateway: Faulty, how: str, reason: str
) -> None:
    assert program.run(*FAST, "--count", "5")[0] == 0
    _damage(program.outbox, how)
    before = program.outbox.read_bytes()
    gateway.requests.clear()
    done = run(program, *FAST, "--count", "1")
    assert (done.exit_code, gateway.requests) == (1, [])
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: outbox {program.outbox}: ")
    assert reason in line
    assert line.endswith("move it away, and the next start makes a new one")
    assert program.outbox.read_bytes() == before
    if how == "text":
        with pytest.raises(HopError, match=r"outbox .* file is not a database"):
            program.sent()
    program.outbox.rename(program.folder / "aside")
    assert program.run(*FAST, "--count", "1")[0] == 0


def test_another_database_is_no_outbox(program: Program, gateway: Faulty, source_url: str) -> None:
    program.outbox.parent.mkdir()
    shutil.copy(source_url.removeprefix("sqlite:///"), program.outbox)
    done = run(program, *FAST, "--count", "1")
    assert (done.exit_code, gateway.requests) == (1, [])
    assert "a database, but not an outbox of this version" in done.stderr
    with closing(sqlite3.connect(program.outbox)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    assert not tables & {"in_flight", "settled"}
    with pytest.raises(HopError, match="no such table: sent"):
        program.sent()


@pytest.mark.parametrize("path", ["{folder}", "{folder}/file/outbox.db", "/dev/stdout/outbox.db"])
def test_a_path_that_cannot_be_an_outbox_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutboxError, match=f"^outbox {path.format(folder=tmp_path)}: "):
        Outbox(Path(path.format(folder=tmp_path)), KafkaRoute(Settings()))


def test_a_full_disk_ends_the_run_by_name(program: Program, gateway: Faulty) -> None:
    """Here a limit of the process; the file cannot grow beyond it."""
    assert program.run(*FAST, "--count", "1")[0] == 0
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        process = program.start(*FAST, "--batch-size", "100", "--count", "11000", "--json")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    code, counts, output = finish(process)
    assert code == 1
    assert f"Error: outbox {program.outbox}: " in output
    assert "Traceback" not in output
    assert 0 < counts["sent"] < 33_000
    draws = drawn(program.outbox)
    code, counts, output = program.run(*FAST, "--count", "1", "--start", "20")
    assert code == 0, output
    for entity in ENTITIES:
        assert {draw.key for draw in islice(original(), draws)} <= set(gateway.keys(entity.name))


def test_a_trace_ends_at_a_row_that_is_not_stored(program: Program, gateway: Faulty) -> None:
    access = Access(program.environment)

    def ends(key: int) -> set[tuple[str, str]]:
        last = [found for found in trace(access, program.outbox, key) if not found.found]
        return {(found.hop, found.what.split(": ")[0].partition(" at ")[0]) for found in last}

    assert ends(FIRST[0]) == {("gateway", "the emulator never sent it")}
    gateway.always = "status 404"
    program.run(*AT_ONCE, "--count", "1")
    assert ends(FIRST[0]) == {("gateway", "refused, 404")}
    gateway.always = "status 503"
    program.run(*AT_ONCE, "--count", "1", "--start", "1")
    assert ends(FIRST[1]) == {("gateway", "in flight, 503")}


def test_it_is_read_while_a_run_writes_it(program: Program, gateway: Faulty) -> None:
    """Natively by a reader, and in a container by a copy."""
    process = program.start(*FAST)
    wait_for("rows are stored", lambda: len(gateway.stored) > 30)
    stored = len(program.sent("stored"))
    command = [sys.executable, "-m", "emulator.delivery.outbox"]
    copied = subprocess.run(
        command, cwd=ROOT, env=program.environment, capture_output=True, check=True
    )
    later = len(program.sent("stored"))
    assert process.poll() is None
    process.kill()
    finish(process)
    copy = program.folder / "copy.db"
    copy.write_bytes(copied.stdout)
    assert 25 < stored < len(rows(copy, "state = 'stored'")) <= later
    nowhere = {**program.environment, "EMULATOR_OUTBOX": str(program.folder / "none.db")}
    empty = subprocess.run(command, cwd=ROOT, env=nowhere, capture_output=True, check=True)
    assert empty.stdout == b""
    copy.write_bytes(b"")
    assert rows(copy) == rows(program.folder / "none.db") == []
    assert not (program.folder / "none.db").exists()

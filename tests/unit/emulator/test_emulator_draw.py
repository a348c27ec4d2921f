"""The order and the pace of the original, and the options that change them."""

import json
import random
from itertools import islice
from pathlib import Path

import pytest

from contract.entities import ENTITIES
from emulator.draw import original, passes, sequential
from tests.support.example_row import SENT
from tests.support.tiny_source import make
from tests.unit.emulator.conftest import FIRST, Faulty, Program, change, run

BODIES = [json.dumps(SENT[entity], separators=(",", ":")) for entity in ENTITIES]


def test_the_draws_are_those_of_the_original_program() -> None:
    draws = list(islice(original(), 1000))
    theirs = random.Random(100)
    for draw in draws:
        assert (draw.pause, draw.key) == (theirs.randrange(0, 2), theirs.randint(0, 11000))
    assert {draw.pause for draw in draws} == {0, 1}


def test_passes() -> None:
    def keys(start: int, count: int | None, loop: bool, limit: int = 20) -> list[int]:
        found = passes(lambda: sequential(range(5)), start, count, loop)
        return [draw.key for draw in islice(found, limit)]

    assert keys(0, None, False) == [0, 1, 2, 3, 4]
    assert keys(3, None, False) == [3, 4]
    assert keys(1, 2, False) == [1, 2]
    assert keys(1, 2, True, 5) == [1, 2, 1, 2, 1]
    assert keys(4, None, True, 3) == [4, 4, 4]
    assert keys(9, None, True) == [], "a pass without posts doesn't turn without end"


def _keys(lines: list[str]) -> list[int]:
    """Keys of the pin rows of a dry run."""
    values = [record["value"] for line in lines for record in json.loads(line)["body"]["records"]]
    return [value["index"] for value in values if "index" in value]


def test_a_dry_run_is_exact(program: Program, gateway: Faulty) -> None:
    assert program.dry("--count", "1") == [
        f'{{"method":"POST","url":"{gateway.url}/topics/{topic}",'
        '"headers":{"Content-Type":"application/vnd.kafka.json.v2+json"},'
        f'"body":{{"records":[{{"value":{value}}}]}}}}'
        for topic, value in zip(program.targets, BODIES, strict=True)
    ]
    assert [len(value.encode()) for value in BODIES] == [443, 107, 98]
    assert gateway.requests == []
    assert not program.outbox.exists()


def test_a_dry_run_of_batches(program: Program) -> None:
    lines = program.dry("--count", "15", "--start", "2", "--batch-size", "10")
    targets = [json.loads(line)["url"].rpartition("/")[2] for line in lines]
    assert targets == program.targets * 2
    assert _keys(lines)[:13] == FIRST[2:]


def test_a_dry_run_may_be_cut_short(program: Program) -> None:
    process = program.start("--dry-run")
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
    assert errors == ""


@pytest.mark.parametrize(
    ("option", "value"),
    [("--rate", "fast"), ("--rate", "-1"), ("--rate", "nan"), ("--count", "0"),
     ("--batch-size", "0"), ("--in-flight", "0"), ("--order", "random"),
     ("--batch-size", "501"), ("--partition-key", ""), ("--partition-key", "k" * 257)],
)  # fmt: skip
def test_a_wrong_option_is_rejected(streaming: Program, option: str, value: str) -> None:
    """The batch program has the same options, but for the partition key."""
    done = run(streaming, option, value)
    assert (done.exit_code, done.stdout) == (2, "")
    assert option in done.stderr


@pytest.mark.parametrize("more", [(), ("--loop",), ("--count", "5"), ("--dry-run",)])
def test_a_start_beyond_the_source_names_both_numbers(
    program: Program, gateway: Faulty, more: tuple[str, ...]
) -> None:
    done = run(program, "--order", "sequential", "--start", "22000", *more)
    assert done.exit_code == 2
    assert "Invalid value for '--start': 22000 leaves none of the source's 11,154" in done.stderr
    assert gateway.requests == []


def test_a_count_beyond_the_source_is_one_line(program: Program, gateway: Faulty) -> None:
    options = ("--order", "sequential", "--start", "11152", "--rate", "max")
    done = run(program, *options, "--count", "5")
    assert done.exit_code == 0
    first, _ = done.stderr.splitlines()
    assert first == "emulator: --count 5: the source has 2 posts from --start 11152 on"
    assert gateway.keys("pin") == [11152, 11153]
    done = run(program, *options, "--count", "2")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM pinterest_data", "has no posts, pinterest_data is empty"),
        ("DROP TABLE user_data", "has no table user_data"),
    ],
)
def test_a_source_without_posts_or_a_table_is_one_line(
    program: Program, tmp_path: Path, statement: str, reason: str
) -> None:
    program.source_url = f"sqlite:///{make(tmp_path / 'tiny.db')}"
    change(tmp_path / "tiny.db", statement)
    for order in ("original", "sequential"):
        done = run(program, "--rate", "max", "--count", "1", "--order", order)
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()
        assert reason in line


def test_a_wrong_setting_is_named(program: Program) -> None:
    program.url = "not a url"
    code, _, output = program.run("--count", "1")
    assert code == 1
    assert output.startswith("Error: GATEWAY_INVOKE_URL")


def test_a_missing_source_is_an_error_of_one_line(program: Program, tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.db", "mysql://me:secret@127.0.0.1:21099/db"):
        program.source_url = url
        code, _, output = program.run("--count", "1")
        assert code == 1
        assert len(output.splitlines()) == 1
        assert output.startswith("Error: source database")
        assert "secret" not in output

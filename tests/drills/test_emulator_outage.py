"""The REST proxy is killed while the emulator sends: no row is lost."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES, Entity
from emulator.draw import original
from hops import kafka
from hops.access import Access
from tests.support.emulator import finish
from tests.support.waiting import wait_for

pytestmark = pytest.mark.processes


@pytest.fixture
def arrived(access: Access) -> Callable[[], dict[str, list[int]]]:
    """Reads the keys of each entity that have arrived in Kafka since the start of the test."""
    topics = {entity: names.topic(access.settings.user_id, entity) for entity in ENTITIES}
    begin = {topic: kafka.offsets(access, topic)[1] for topic in topics.values()}

    def keys(entity: Entity, topic: str) -> list[int]:
        end = kafka.offsets(access, topic)[1]
        records = kafka.read(access, topic, begin[topic], end)
        return [json.loads(record.value or b"")[entity.key] for record in records]

    return lambda: {entity.name: keys(entity, topic) for entity, topic in topics.items()}


def test_the_emulator_waits_for_a_restart_of_the_proxy(
    stack: Any, arrived: Callable[[], dict[str, list[int]]], tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    options = ("--count", "300", "--rate", "30", "--journal", str(journal), "--json")
    process = stack.spawn("emulator", *options)
    wait_for("rows are acknowledged", lambda: _responses(journal, 200) > 60)
    stack.kill("rest-proxy")
    wait_for(
        "the gateway to answer for a proxy that is gone", lambda: _responses(journal, 500, 599) > 2
    )
    stack.start("rest-proxy")
    code, counts, err = finish(process)
    assert code == 0, err
    assert counts["retried"] > 0
    assert counts["acknowledged"] == counts["sent"] == 900
    drawn = [draw.key for draw in islice(original(), 300)]
    for entity, keys in arrived().items():
        assert len(keys) >= 300, entity
        assert set(keys) == set(drawn), entity


def test_rows_in_the_spool_after_an_outage_arrive_later(
    stack: Any, arrived: Callable[[], dict[str, list[int]]], tmp_path: Path
) -> None:
    journal, spool = tmp_path / "journal.jsonl", tmp_path / "spool.jsonl"
    options = ("--rate", "max", "--batch-size", "20", "--spool", str(spool), "--json")
    options += ("--journal", str(journal), "--retry-seconds", "1")
    process = stack.spawn("emulator", *options)
    wait_for("rows are acknowledged", lambda: _responses(journal, 200) > 20)
    stack.kill("rest-proxy")
    try:
        code, counts, _ = finish(process)
    finally:
        stack.start("rest-proxy")
    assert code == 1
    assert counts["failed"] == counts["kept"] == len(spool.read_text().splitlines()) > 0
    again = stack.run("emulator", *options, "--count", "1")
    assert json.loads(again.stdout)["replayed"] == counts["kept"]
    assert not spool.exists()
    drawn = [draw.key for draw in islice(original(), counts["posts"])]
    for entity, keys in arrived().items():
        assert set(keys) == set(drawn), entity


def _responses(journal: Path, least: int, most: int | None = None) -> int:
    if not journal.exists():
        return 0
    lines = [line for line in journal.read_text().splitlines(keepends=True) if line.endswith("\n")]
    statuses = [json.loads(line)["status"] or 0 for line in lines]
    return sum(least <= status <= (most or least) for status in statuses)

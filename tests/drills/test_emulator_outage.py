"""The REST proxy is killed while the emulator sends: no row is lost, and none forgotten."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_END, Consumer, TopicPartition

from contract import names
from contract.entities import ENTITIES, Entity
from emulator.draw import original
from tests.support.waiting import wait_for

LIMIT = 60.0

pytestmark = pytest.mark.processes


@pytest.fixture
def topics(stack: Any) -> Iterator[Callable[[], dict[str, list[int]]]]:
    """Reads the keys of each entity that arrived in Kafka since the test began."""
    consumer = Consumer(
        {
            "bootstrap.servers": stack.settings.kafka_bootstrap_servers,
            "group.id": "drill",
            "enable.auto.commit": False,
        }
    )
    begin = {entity: _end(consumer, stack.settings.user_id, entity) for entity in ENTITIES}

    def read() -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for entity, start in begin.items():
            end = _end(consumer, stack.settings.user_id, entity).offset
            consumer.assign([start])
            keys: list[int] = []
            deadline = time.monotonic() + LIMIT
            while len(keys) < end - start.offset:
                assert time.monotonic() < deadline, f"{len(keys)} of {end - start.offset} records"
                message = consumer.poll(1)
                if message is not None and message.error() is None:
                    keys.append(json.loads(message.value())[entity.key])
            found[entity.name] = keys
        return found

    yield read
    consumer.close()


def _end(consumer: Consumer, user_id: str, entity: Entity) -> TopicPartition:
    topic = names.topic(user_id, entity)
    _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0, OFFSET_END), timeout=10)
    return TopicPartition(topic, 0, end)


def test_a_restart_of_the_proxy_is_sat_out(
    stack: Any, topics: Callable[[], dict[str, list[int]]], tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    options = ("--count", "300", "--rate", "30", "--journal", str(journal), "--json")
    process = stack.spawn("emulator", *options)
    wait_for("rows are acknowledged", lambda: _answered(journal, 200) > 60)
    stack.kill("rest-proxy")
    wait_for(
        "the gateway to answer for a proxy that is gone", lambda: _answered(journal, 500, 599) > 2
    )
    stack.start("rest-proxy")
    code, counts, said = _finish(process)
    assert code == 0, said
    assert counts["retried"] > 0
    assert counts["acknowledged"] == counts["sent"] == 900
    drawn = [draw.key for draw in islice(original(), 300)]
    for entity, keys in topics().items():
        assert len(keys) >= 300, entity
        assert set(keys) == set(drawn), entity


def test_what_an_outage_left_in_the_spool_arrives_later(
    stack: Any, topics: Callable[[], dict[str, list[int]]], tmp_path: Path
) -> None:
    journal, spool = tmp_path / "journal.jsonl", tmp_path / "spool.jsonl"
    options = ("--rate", "max", "--batch-size", "20", "--spool", str(spool), "--json")
    options += ("--journal", str(journal), "--retry-seconds", "1")
    process = stack.spawn("emulator", *options)
    wait_for("rows are acknowledged", lambda: _answered(journal, 200) > 20)
    stack.kill("rest-proxy")
    try:
        code, counts, _ = _finish(process)
    finally:
        stack.start("rest-proxy")
    assert code == 1
    assert counts["failed"] == counts["kept"] == len(spool.read_text().splitlines()) > 0
    again = stack.run("emulator", *options, "--count", "1")
    assert json.loads(again.stdout)["replayed"] == counts["kept"]
    assert not spool.exists()
    drawn = [draw.key for draw in islice(original(), counts["posts"])]
    for entity, keys in topics().items():
        assert set(keys) == set(drawn), entity


def _answered(journal: Path, least: int, most: int | None = None) -> int:
    if not journal.exists():
        return 0
    lines = [line for line in journal.read_text().splitlines(keepends=True) if line.endswith("\n")]
    statuses = [json.loads(line)["status"] or 0 for line in lines]
    return sum(least <= status <= (most or least) for status in statuses)


def _finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    with process:
        out, said = process.communicate(timeout=180)
    counts: dict[str, Any] = json.loads(out)
    assert counts["sent"] == counts["acknowledged"] + counts["failed"]
    return process.returncode, counts, said

"""The REST proxy, or the emulator, is killed while it sends: no row is lost."""

import json
import subprocess
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES, Entity
from emulator.draw import original
from hops import kafka, kinesis
from hops.access import Access
from hops.outbox import rows
from tests.support.emulator import finish, kill_ten_times
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
    outbox = tmp_path / "outbox.db"
    options = ("--count", "300", "--rate", "30", "--json")
    process = stack.spawn("emulator", *options, environment={"EMULATOR_OUTBOX": str(outbox)})
    wait_for("rows are acknowledged", lambda: len(rows(outbox, "state = 'stored'")) > 60)
    stack.kill("rest-proxy")
    wait_for(
        "the gateway to answer for a proxy that is gone",
        lambda: rows(outbox, "state = 'in flight' AND attempts > 2 AND status >= 500"),
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


def test_rows_in_the_outbox_after_an_outage_arrive_later(
    stack: Any, arrived: Callable[[], dict[str, list[int]]], tmp_path: Path
) -> None:
    outbox = tmp_path / "outbox.db"
    options = ("--rate", "max", "--batch-size", "20", "--retry-seconds", "1", "--json")
    environment = {"EMULATOR_OUTBOX": str(outbox)}
    process = stack.spawn("emulator", *options, environment=environment)
    wait_for("rows are acknowledged", lambda: len(rows(outbox, "state = 'stored'")) > 400)
    stack.kill("rest-proxy")
    try:
        code, counts, _ = finish(process)
    finally:
        stack.start("rest-proxy")
    assert code == 1
    in_flight = len(rows(outbox, "state = 'in flight'"))
    assert counts["failed"] == counts["kept"] == in_flight > 0
    again = stack.run("emulator", *options, "--count", "1", environment=environment)
    assert json.loads(again.stdout)["replayed"] == counts["kept"]
    assert rows(outbox, "state = 'in flight'") == []
    drawn = [draw.key for draw in islice(original(), counts["posts"])]
    for entity, keys in arrived().items():
        assert set(keys) == set(drawn), entity


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", ["1", "10"])
@pytest.mark.parametrize("service", ["emulator", "emulator-streaming"])
def test_ten_kills_of_the_emulator_lose_no_drawn_row(
    stack: Any,
    access: Access,
    arrived: Callable[[], dict[str, list[int]]],
    tmp_path: Path,
    service: str,
    size: str,
) -> None:
    outbox = tmp_path / "outbox.db"

    def streamed() -> dict[str, list[int]]:
        streams = {e: names.stream(access.settings.user_id, e) for e in ENTITIES}
        return {
            entity.name: [json.loads(r.data)[entity.key] for r in kinesis.read(access, stream)]
            for entity, stream in streams.items()
        }

    def start(*options: str) -> subprocess.Popen[str]:
        environment = {"EMULATOR_OUTBOX": str(outbox)}
        more = ("--rate", "20", "--batch-size", size, *options)
        process: subprocess.Popen[str] = stack.spawn(service, *more, environment=environment)
        return process

    kill_ten_times(start, outbox, arrived if service == "emulator" else streamed)

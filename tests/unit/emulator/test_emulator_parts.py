"""The modules of the emulator one by one: source, requests, pace."""

from contextlib import closing
from pathlib import Path
from threading import Event

import pytest

from contract import wire
from contract.entities import ENTITIES, PIN
from contract.settings import Settings
from emulator.dataset.generate import blocks
from emulator.delivery.request import MAX_BODY, Route, requests
from emulator.delivery.retry import Retry
from emulator.draw import Draw, Pace
from emulator.routes.kafka import KafkaRoute
from emulator.routes.kinesis import KinesisRoute
from emulator.source import Source
from tests.unit.emulator.conftest import Faulty, Program, change, row


def test_the_source_gives_rows_in_wire_form(source_url: str) -> None:
    block = next(blocks())
    with closing(Source(source_url)) as source:
        posts = source.read([3, 7528, 3, 11153])
        assert list(posts) == [3, 7528, 11153]
        for key, post in posts.items():
            assert [row.entity for row in post.rows] == list(ENTITIES)
            assert post.missing == ()
            for row in post.rows:
                assert row.value == wire.wire_row(row.entity, block.rows(row.entity)[key])
                assert tuple(row.value) == row.entity.column_names
        assert list(source.keys()) == list(range(11154))


def test_a_users_own_database_with_dates_as_text(tmp_path: Path) -> None:
    """Without a marker, with columns in another order, and with one row missing."""
    file = tmp_path / "own.db"
    pin = ", ".join(f'"{name}"' for name in PIN.column_names)
    change(
        file,
        f"""
        CREATE TABLE pinterest_data ({pin});
        CREATE TABLE geolocation_data (country, latitude, longitude, ind, timestamp TEXT);
        CREATE TABLE user_data (ind, first_name, last_name, age, date_joined);
        INSERT INTO pinterest_data ("index", title) VALUES (5, 'a\nb');
        INSERT INTO geolocation_data VALUES ('Chad', 1.5, 2.25, 5, '2020-01-02 03:04:05');
        """,
    )
    with closing(Source(f"sqlite:///{file}")) as source:
        post = source.read([5])[5]
    assert [row.entity.name for row in post.rows] == ["pin", "geo"]
    assert [entity.name for entity in post.missing] == ["user"]
    assert post.rows[1].value == {
        "ind": 5,
        "timestamp": "2020-01-02T03:04:05",
        "latitude": 1.5,
        "longitude": 2.25,
        "country": "Chad",
    }


def test_a_missing_row_is_named_and_counted(
    program: Program, gateway: Faulty, source_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "holes.db"
    file.write_bytes(Path(source_url.removeprefix("sqlite:///")).read_bytes())
    change(file, "DELETE FROM geolocation_data WHERE ind = 2863")
    program.source_url = f"sqlite:///{file}"
    code, counts, output = program.run("--rate", "max", "--count", "3")
    assert code == 1
    assert "geolocation_data has no row with ind 2863" in output
    assert (counts["sent"], counts["acknowledged"], counts["missing"]) == (8, 8, 1)
    assert counts["entities"]["geo"]["missing"] == 1
    assert gateway.keys("geo") == [7528, 5730]


@pytest.mark.parametrize("kind", [KafkaRoute, KinesisRoute])
def test_a_request_is_kept_below_the_gateways_limit(kind: type[Route]) -> None:
    route = kind(Settings())
    rows = [row(key, "é" * 300_000) for key in range(20)]
    built = list(requests(route, PIN, rows))
    assert len(built) > 1
    assert all(len(request.body) <= MAX_BODY for request in built)
    assert [row.key for request in built for row in request.rows] == list(range(20))
    alone = list(requests(route, PIN, [row(1, "x" * (MAX_BODY + 1))]))
    assert len(alone) == 1, "one row can't be split; the gateway says what it thinks of it"


def test_the_pace() -> None:
    stopping = Event()
    stopping.set()
    for rate, ahead in ((None, 1), (0.0, 500), (1.0, 1), (100.0, 50), (1e6, 500)):
        pace = Pace(rate)
        assert pace.ahead == ahead
        pace.wait(Draw(1, 1), stopping)


def test_the_delay_grows_to_a_limit_and_respects_retry_after() -> None:
    retry = Retry()
    delays = [retry.delay(attempt, 0) for attempt in range(1, 30)]
    assert delays[0] <= 0.1
    assert delays[1] <= 0.2
    assert 2.5 <= max(delays) <= 5
    assert retry.delay(1, 7) == 7
    assert retry.delay(1, 1e9) == 60


def test_concurrent_requests_lose_and_duplicate_nothing(program: Program, gateway: Faulty) -> None:
    gateway.faults.extend(["", "status 500", "slot 2 50003", "", "cut", "status 429"] * 10)
    code, counts, output = program.run(
        "--rate", "max", "--order", "sequential", "--batch-size", "100", "--in-flight", "8"
    )
    assert code == 0, output
    assert counts["acknowledged"] == 3 * 11154
    for entity in ENTITIES:
        assert sorted(gateway.keys(entity.name)) == list(range(11154))

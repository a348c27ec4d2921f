"""Concurrent requests: their number at a rate, the order of rows, the message of a shortfall."""

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest

from contract.settings import Settings
from emulator.delivery.accounting import Accounting
from emulator.delivery.outbox import Outbox
from emulator.delivery.retry import Retry
from emulator.delivery.sender import Sender
from emulator.lag import PERIOD, Behind, Lag
from emulator.options import MOST_IN_FLIGHT
from emulator.routes.kafka import KafkaRoute
from tests.support.waiting import wait_for
from tests.unit.emulator.conftest import Faulty, Program, row, run

Make = Callable[..., tuple[Sender, Accounting]]


@pytest.fixture
def make(gateway: Faulty, tmp_path: Path) -> Iterator[Make]:
    """Makes a sender, with the counts of its rows."""
    route = KafkaRoute(Settings.from_environ({"GATEWAY_INVOKE_URL": gateway.url}))
    with closing(Outbox(tmp_path / "outbox.db", route)) as outbox:

        def sender(in_flight: int, most: int = 1) -> tuple[Sender, Accounting]:
            accounting, retry = Accounting(), Retry(first=0.01, longest=0.01)
            options: Any = {"in_flight": in_flight, "most": most, "retry": retry}
            return Sender(route, outbox, accounting, Event(), **options), accounting

        yield sender


@pytest.mark.parametrize("name", ["program", "streaming"])
def test_a_rate_takes_as_many_requests_in_flight_as_it_needs(
    name: str, gateway: Faulty, request: pytest.FixtureRequest
) -> None:
    gateway.together = Barrier(MOST_IN_FLIGHT, timeout=10)
    posts = MOST_IN_FLIGHT  # three requests each: the barrier fills three times
    program = request.getfixturevalue(name)
    done = run(program, "--rate", "1000", "--count", str(posts), "--retry-seconds", "0")
    assert done.exit_code == 0, done.output
    assert gateway.connections == MOST_IN_FLIGHT, "and no more than that"
    assert len(gateway.stored) == 3 * posts


@pytest.mark.parametrize(
    ("options", "connections"),
    [
        (("--rate", "1000", "--in-flight", "1"), 1),
        (("--rate", "1000", "--in-flight", "3"), 3),
        (("--rate", "max"), 1),
        (("--rate", "original", "--start", "7"), 1),  # two posts without a pause
    ],
)
def test_in_flight_is_the_requested_number(
    program: Program, gateway: Faulty, options: tuple[str, ...], connections: int
) -> None:
    gateway.together = Barrier(connections, timeout=10)
    done = run(program, *options, "--count", "2", "--retry-seconds", "0")
    assert done.exit_code == 0, done.output
    assert gateway.connections == connections


def test_a_rate_that_is_kept_takes_one_request_at_a_time(gateway: Faulty, make: Make) -> None:
    sender, accounting = make(1, MOST_IN_FLIGHT)
    for version in range(20):
        sender.send([row(version, str(version))], by=time.monotonic() + 60)
    sender.close()
    assert accounting.total.acknowledged == 20
    assert (sender.in_flight, gateway.connections) == (1, 1)


def test_a_later_row_of_a_key_waits_for_the_earlier_one(gateway: Faulty, make: Make) -> None:
    gateway.faults.append("hang")
    sender, accounting = make(4)
    sender.send([row(1, "0")])
    wait_for("the first row is under way", lambda: gateway.requests)
    for key, version in ((1, 1), (2, 2), (3, 3), (2, 4)):
        sender.send([row(key, str(version))])
    wait_for("the other keys are stored", lambda: len(gateway.stored) == 3)
    assert gateway.keys("pin").count(1) == 0
    gateway.released.set()  # the first request is not answered, and sent again
    sender.close()
    assert [value["title"] for value in gateway.values if value["index"] == 1] == ["0", "1"]
    assert [value["title"] for value in gateway.values if value["index"] == 2] == ["2", "4"]
    assert accounting.total.acknowledged == 5


@pytest.mark.parametrize("size", [1, 5])
def test_a_retry_lets_no_later_row_of_its_key_overtake(
    gateway: Faulty, make: Make, size: int
) -> None:
    keys = 3
    gateway.faults.extend(["slot 0 50003", "", "status 500", "drop", ""] * 6)
    sender, accounting = make(6)
    rows = [row(version % keys, str(version)) for version in range(60)]
    for start in range(0, len(rows), size):
        sender.send(rows[start : start + size])
    sender.close()
    assert accounting.total.acknowledged == len(rows)
    last: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for place, value in enumerate(gateway.values):
        last[value["index"]][int(value["title"])] = place
    for key, places in last.items():
        in_order = sorted(places, key=lambda version: places[version])
        assert in_order == list(range(key, 60, keys)), "the last copies are in order"


def test_after_a_failed_row_the_next_of_its_key_is_sent(gateway: Faulty, make: Make) -> None:
    gateway.faults.extend(["status 404"])
    sender, accounting = make(3)
    for version in range(3):
        sender.send([row(1, str(version))])
    sender.close()
    assert [value["title"] for value in gateway.values] == ["1", "2"]
    assert (accounting.total.acknowledged, accounting.total.failed) == (2, 1)


def test_a_rate_that_is_not_reached_is_reported_once(
    program: Program, gateway: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.lag.PERIOD", 0.0)
    monkeypatch.setattr("emulator.draw.CATCH_UP", 0.0)
    gateway.latency = 0.02  # three rows a post, one after the other: at most 17 posts/s
    done = run(program, "--rate", "50", "--count", "8", "--in-flight", "1")
    assert done.exit_code == 0, done.output
    messages = re.findall(r"emulator: [\d.]+ posts/s instead of .*", done.stderr)
    assert len(messages) == 1, done.stderr
    assert messages[0].endswith(" instead of 50: raise --in-flight, now 1, or --batch-size")


def test_a_run_that_loses_time_in_two_periods_is_behind() -> None:
    now = 0.0
    lag = Lag(1, lambda: now)
    found = []
    for number in range(60):  # ten posts a second, where each loses a twentieth of one
        found.append(lag.post(lost=number / 20, waited=number / 10))
        now += 0.1
    behind = [one for one in found if one]
    assert found.index(behind[0]) == 2 * PERIOD / 0.1
    assert behind[0] == Behind(pytest.approx(10), pytest.approx(1))
    assert behind[0].line(20, 1) == (
        "10.0 posts/s instead of 20: raise --in-flight, now 1, or --batch-size"
    )
    assert "not the gateway" in behind[0]._replace(waiting=0.2).line(20, 1)


@pytest.mark.parametrize("blip", [0, 25, 39, 40])
def test_a_single_slow_response_is_no_shortfall(blip: int) -> None:
    now = 0.0
    lag = Lag(1, lambda: now)
    lost = 0.0
    for number in range(100):
        if number == blip:
            now, lost = now + 5, 4.0
        assert lag.post(lost, waited=lost) is None
        now += 0.1


def test_a_run_of_batches_is_behind_when_each_batch_loses_time() -> None:
    now = lost = 0.0
    lag = Lag(100, lambda: now)
    found = []
    for number in range(1, 1001):
        now += 0.05
        if number % 100 == 0:
            now, lost = now + 10, lost + 9
        found.append(lag.post(lost, waited=now / 4))
    (behind, *_) = filter(None, found)
    assert behind.rate == pytest.approx(100 / 15, rel=0.2)
    assert behind.waiting == pytest.approx(0.25)


def test_measurements_before_a_restart_do_not_count() -> None:
    now = 0.0
    lag = Lag(1, lambda: now)
    for number in range(100):
        if number % 30 == 0:
            lag.restart()
        assert lag.post(lost=number / 20, waited=0) is None
        now += 0.1


def test_the_help_says_which_order_is_kept(program: Program) -> None:
    words = " ".join(run(program, "--help").output.split())
    assert "The rows of one key arrive in order in their topic or stream." in words
    assert f"with --rate N as many as N takes, at most {MOST_IN_FLIGHT}" in words

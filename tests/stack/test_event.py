"""What a person is told of an event on its way, and of a hop that is unplugged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from contract.entities import ENTITIES
from stack.waiting import wait_for

if TYPE_CHECKING:
    from tests.conftest import Stack


def test_trace_names_the_hop_that_is_unplugged(stack: Stack) -> None:
    first, key = 3000, 9655  # a draw that no other test sends

    def ways() -> dict[str, list[tuple[str, bool]]]:
        done = stack.pinpipe("trace", str(key), "--json")
        found: dict[str, list[tuple[str, bool]]] = {}
        for finding in json.loads(done.stdout):
            found.setdefault(finding["entity"], []).append((finding["hop"], finding["found"]))
        complete = all(reached for way in found.values() for _, reached in way)
        assert done.returncode == (0 if complete else 1)
        return found

    def expect(*reached: str, stop: str | None) -> dict[str, list[tuple[str, bool]]]:
        way = [(hop, True) for hop in reached] + ([(stop, False)] if stop else [])
        return {entity.name: way for entity in ENTITIES}

    assert ways() == expect("source", stop="gateway")
    stack.kill("connect")
    try:
        stack.run("emulator", "--count", "1", "--start", str(first), "--rate", "max")
        assert ways() == expect("source", "gateway", "kafka", stop="s3")
    finally:
        stack.start("connect")
    stored = expect("source", "gateway", "kafka", "s3", stop="delta")
    wait_for("the sink to store the rows", lambda: ways() == stored, 60)
    stack.run("spark")
    assert ways() == expect("source", "gateway", "kafka", "s3", "delta", stop=None)


def test_status_says_what_is_wrong(stack: Stack) -> None:
    def states() -> dict[str, str]:
        return {
            s["service"]: s["state"] for s in json.loads(stack.pinpipe("status", "--json").stdout)
        }

    assert set(states().values()) <= {"healthy", "completed", "skipped"}
    assert stack.pinpipe("status").returncode == 0
    stack.kill("rest-proxy")
    try:
        assert states()["rest-proxy"] == "ended"
        assert stack.pinpipe("status").returncode == 1
    finally:
        stack.start("rest-proxy")
    assert states()["rest-proxy"] == "healthy"


def test_demo_names_the_hop_that_lost_rows(stack: Stack) -> None:
    # Two posts fill no object, and an object that spans an hour isn't stored in three seconds.
    withheld = {"S3_SINK_FLUSH_SIZE": "1000", "S3_SINK_ROTATE_INTERVAL_MS": "3600000"}
    try:
        done = stack.pinpipe("demo", "--posts", "2", "--wait", "3", environment=withheld)
    finally:
        stack.run("connector")
    assert done.returncode == 1
    assert "s3: waited 3 s for every record to be in an object; pin 0 of 2" in done.stderr
    assert "kafka" in done.stdout

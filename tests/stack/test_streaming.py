"""Posts on the streaming pipeline: from the emulator to the tables and the live metrics."""

import json
from itertools import islice

import pytest

from contract import names
from contract.entities import ENTITIES
from emulator.draw import original
from hops import tables
from hops.access import Access
from tests.conftest import Stack
from tests.support.waiting import wait_for

FIRST, POSTS = 5000, 20
"""First draw, and number of draws, which no other test sends."""
LIMIT = 240
"""Seconds from sending to the tables, with a start of Spark."""


def send(stack: Stack, first: int, count: int) -> set[int]:
    """Send draws one by one; return their keys."""
    stack.run("emulator-streaming", "--start", str(first), "--count", str(count), "--rate", "max")
    return {draw.key for draw in islice(original(), first, first + count)}


def wait_until_written(access: Access, keys: set[int]) -> None:
    """Wait until each table has exactly one row for each key."""

    def missing() -> dict[str, int]:
        written = {entity.name: tables.keys(access, entity, "streaming") for entity in ENTITIES}
        assert all(len(found) == len(set(found)) for found in written.values())
        return {name: len(keys.difference(found)) for name, found in written.items()}

    wait_for(
        "every post to be in its table",
        lambda: not any(missing().values()),
        LIMIT,
        0.5,
        lambda: f"missing: {missing()}",
    )


@pytest.mark.timeout(600)
def test_posts_reach_tables_and_metrics_after_a_kill_of_the_job(
    stack: Stack, access: Access
) -> None:
    keys = send(stack, FIRST, POSTS)
    wait_until_written(access, keys)
    stack.kill("stream")
    more = send(stack, FIRST + POSTS, POSTS)
    stack.start("stream")
    wait_until_written(access, keys | more)

    key = min(more)
    done = stack.pinpipe("trace", str(key), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    hops: dict[str, list[str]] = {}
    for finding in json.loads(done.stdout):
        assert finding["found"]
        assert finding["pipeline"] == "streaming"
        hops.setdefault(finding["entity"], []).append(finding["hop"])
    assert hops == {e.name: ["source", "gateway", "kinesis", "delta"] for e in ENTITIES}

    def output() -> str:
        return stack.pinpipe("watch", "--once").stdout

    def counted() -> bool:
        text = output()
        found = {
            line.split()[1]: line.split() for line in text.splitlines() if "streaming-" in line
        }
        # Stream, posts of the last minute, posts of the last hour.
        return all(
            int(found[names.stream(stack.settings.user_id, entity)][5]) >= 2 * POSTS
            for entity in ENTITIES
        )

    wait_for("the live metrics to count the posts", counted, 30, 1, output)
    assert "Categories, last hour" in output()

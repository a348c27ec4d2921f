"""The emulator's programs as processes."""

import json
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from emulator.draw import original
from hops.outbox import rows
from tests.support.waiting import wait_for

KILLS = 10


def finish(process: subprocess.Popen[str]) -> tuple[int, dict[str, Any], str]:
    """Wait for a program's end: exit code, counts (checked to add up), and stderr."""
    with process:
        out, errors = process.communicate(timeout=180)
    counts: dict[str, Any] = json.loads(out) if out.startswith("{") else {}
    for count in [counts, *counts.get("entities", {}).values()] if counts else []:
        assert count["sent"] == count["acknowledged"] + count["failed"], counts
    return process.returncode, counts, errors


def drawn(outbox: Path) -> int:
    """The number of draws of the original order in an outbox that one program uses."""
    if not rows(outbox):
        return 0
    with closing(sqlite3.connect(outbox)) as connection:
        query = "SELECT next FROM places WHERE sequence = 'original'"
        found: tuple[int] = connection.execute(query).fetchone()
    return found[0]


def kill_ten_times(
    start: Callable[..., subprocess.Popen[str]],
    outbox: Path,
    arrived: Callable[[], Mapping[str, Sequence[int]]],
) -> None:
    """Kill a program of the emulator ten times: no drawn row is lost, those in flight may be twice.

    Args:
        start: starts the program with more options.
        outbox: its outbox, which no other program uses.
        arrived: the keys of each entity that have arrived in its topic or stream.
    """
    before = {entity: Counter(keys) for entity, keys in arrived().items()}

    def missing(draws: int) -> list[Counter[int]]:
        """Rows of the first draws that have not arrived, for each entity that lacks some."""
        sent = Counter(draw.key for draw in islice(original(), draws))
        now = arrived()
        return [left for name in now if (left := sent - (Counter(now[name]) - before[name]))]

    in_flight = 0
    for kill in range(KILLS):
        draws = drawn(outbox)
        goal = draws + 10 + 3 * kill
        process = start("--resume")
        try:
            wait_for("new posts are drawn", lambda goal=goal: drawn(outbox) > goal, 120)
            assert missing(draws) == [], "the rows of the killed run are sent first"
        finally:
            process.kill()
            finish(process)
        in_flight += len(rows(outbox, "state = 'in flight'"))
    code, _, errors = finish(start("--resume", "--count", "1"))
    assert code == 0, errors
    assert rows(outbox, "state = 'in flight'") == []
    draws = drawn(outbox)
    assert missing(draws) == []
    twice = sum(len(arrived()[name]) - keys.total() - draws for name, keys in before.items())
    assert 0 <= twice <= in_flight
    assert in_flight > 0

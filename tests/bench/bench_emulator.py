"""The emulator compared with the original's loop, both through the gateway.

The original read one row at a time with ``LIMIT n, 1`` and sent each by ``requests.request``, which
opens a new connection; here it runs without its sleeps. The programs take turns, so that a busy
machine slows all of them and the ratio stays comparable. The bench asserts no speed, only that
every row was acknowledged.
"""

import json
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from contract import names, wire
from contract.entities import ENTITIES
from contract.settings import Settings
from emulator import database
from emulator.dataset.tables import TABLES
from emulator.draw import original

ROUNDS = 2
ONE_BY_ONE, BATCHED = 60, 11_000
"""Posts per round."""

Measured = tuple[int, float]
"""Number of posts, and their seconds."""


def original_loop(settings: Settings) -> Measured:
    """Run the original's loop: for each row a query, and a request on a new connection."""
    engine = database.connect(settings.source_database_url)
    headers = {"Content-Type": wire.KAFKA_JSON}
    begun = time.monotonic()
    for draw in islice(original(), ONE_BY_ONE):
        for entity in ENTITIES:
            with engine.connect() as connection:
                query = sa.select(TABLES[entity]).limit(1).offset(draw.key)
                row = connection.execute(query).mappings().one()
            url = f"{settings.gateway_invoke_url}/topics/{names.topic(settings.user_id, entity)}"
            body = wire.dumps(wire.kafka_records([wire.wire_row(entity, {**row})]))
            with closing(requests.request("POST", url, headers=headers, data=body.encode())) as got:
                got.raise_for_status()
    seconds = time.monotonic() - begun
    engine.dispose()
    return ONE_BY_ONE, seconds


def emulator(stack: Any, posts: int, *options: str) -> Measured:
    """Run the emulator; the time is its own, without the start of Python."""
    done = stack.run("emulator", "--rate", "max", "--json", "--count", str(posts), *options)
    counts = json.loads(done.stdout)
    assert counts["acknowledged"] == 3 * posts
    return posts, counts["seconds"]


@pytest.mark.timeout(300)
def test_emulator_against_the_original_loop(stack: Any, say: Callable[..., None]) -> None:
    four, batch = ("--in-flight", "4"), ("--batch-size", "500")
    runs: dict[str, Callable[[], Measured]] = {
        "original loop": lambda: original_loop(stack.settings),
        "one by one": lambda: emulator(stack, ONE_BY_ONE),
        "one by one, 4 in flight": lambda: emulator(stack, ONE_BY_ONE, *four),
        "batches of 500": lambda: emulator(stack, BATCHED, *batch),
        "batches of 500, 4 in flight": lambda: emulator(stack, BATCHED, *batch, *four),
    }
    rounds = [{run: measure() for run, measure in runs.items()} for _ in range(ROUNDS)]
    rates = {run: sum(r[run][0] for r in rounds) / sum(r[run][1] for r in rounds) for run in runs}
    loop = rates["original loop"]
    lines = [f"  {run:28} {r:9.1f} posts/s {r / loop:8.1f} x" for run, r in rates.items()]
    say("emulator, through the gateway", *lines)

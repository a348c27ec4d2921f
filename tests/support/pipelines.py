"""Helpers of the drills: send posts to S3, and read and check the tables of a batch."""

import json
from collections import Counter
from itertools import islice
from typing import Any

from contract import names
from contract.entities import ENTITIES, Entity
from contract.results import RESULTS
from emulator.draw import original
from hops import objects, tables
from hops.access import Access
from hops.tables import Table
from tests.conftest import Stack
from tests.support.oracle import Oracle
from tests.support.waiting import wait_for


def send(stack: Stack, access: Access, first: int, count: int) -> set[int]:
    """Send ``count`` draws from ``first`` on, wait until S3 has them, and return their keys."""
    options = ("--start", str(first), "--count", str(count), "--rate", "max")
    stack.run("emulator", *options, "--batch-size", "100")
    keys = {draw.key for draw in islice(original(), first, first + count)}
    wait_for(
        f"draws {first} to {first + count} to be in S3",
        lambda: all(keys <= stored(access, entity).keys() for entity in ENTITIES),
        60,
        0.2,
    )
    return keys


def stored(access: Access, entity: Entity, start: dict[int, int] | None = None) -> Counter[int]:
    """Count the keys of an entity's records from the offsets ``start`` on, in the objects."""
    topic = names.topic(access.settings.user_id, entity)
    found = objects.records_from(access, topic, start or {})
    return Counter(json.loads(line)[entity.key] for line in found)


def contents(access: Access) -> dict[str, list[dict[str, Any]]]:
    """Return the sorted rows of the cleaned tables and the nine results."""
    return {name: sorted(table.rows, key=repr) for name, table in made(access).items()}


def versions(access: Access) -> dict[str, int]:
    """Return the version of each of these tables."""
    return {name: table.version for name, table in made(access).items()}


def check(access: Access, oracle: Oracle) -> None:
    """Compare the tables with the oracle."""
    found = made(access)
    for entity in ENTITIES:
        oracle.check_cleaned(entity.name, found[entity.name].rows)
    for result in RESULTS:
        oracle.check_result(result.name, found[result.name].rows)


def made(access: Access) -> dict[str, Table]:
    """Return those of the cleaned tables and the nine results that exist."""
    user_id = access.settings.user_id
    found = {e.name: tables.read(access, names.table(user_id, e)) for e in ENTITIES}
    found |= {result.name: tables.result(access, result) for result in RESULTS}
    return {name: table for name, table in found.items() if table is not None}

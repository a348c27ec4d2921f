"""Small files are joined by Airflow's DAG beside the streaming job, while posts arrive."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from contract import names
from contract.entities import ENTITIES, Entity
from emulator.draw import original
from stack.hops import tables
from stack.hops.access import Access
from stack.hops.airflow import Airflow
from stack.waiting import wait_for
from tests.drills.sending import emulator

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

RATE = "10"
"""Posts/s."""
SMALL = 5
"""Files of a table that are enough to be joined."""


@pytest.fixture
def access(stack: Stack) -> Access:
    return Access(stack.environment)


def table(access: Access, entity: Entity) -> DeltaTable | None:
    """A cleaned table of the streaming road, if it's there."""
    uri = tables.uri_of(access, names.table(access.settings.user_id, entity), "streaming")
    if not DeltaTable.is_deltatable(uri, access.delta_storage_options):
        return None
    return DeltaTable(uri, storage_options=access.delta_storage_options)


def joins(found: DeltaTable) -> int:
    """How often files of a table were joined."""
    return sum(commit["operation"] == "OPTIMIZE" for commit in found.history())


def test_files_are_joined_beside_the_streaming_job(stack: Stack, access: Access) -> None:
    maintenance = Airflow.of(stack.engine, access, names.maintenance_dag)
    maintenance.unpause()

    def small(entity: Entity) -> bool:
        found = table(access, entity)
        return found is not None and len(found.file_uris()) >= SMALL

    with emulator(stack, "emulator-streaming", "--rate", RATE) as running:
        wait_for("small files", lambda: running.check() or all(map(small, ENTITIES)), 180, 1)
        run_id = maintenance.trigger()
        ended = maintenance.ended(run_id, 300)
        assert ended["state"] == "success", maintenance.failures(run_id)
        running.check()
        running.stop()
    counts = running.counts
    assert counts["failed"] == 0
    keys = {draw.key for draw in islice(original(), counts["posts"])}

    def rows() -> dict[str, list[int]]:
        return {entity.name: tables.keys(access, entity, "streaming") for entity in ENTITIES}

    wait_for(
        "every post to be in its table",
        lambda: all(keys <= set(held) for held in rows().values()),
        120,
        1,
        lambda: str({name: len(held) for name, held in rows().items()}),
    )
    assert all(len(held) == len(set(held)) for held in rows().values())
    for entity in ENTITIES:
        found = table(access, entity)
        assert found is not None
        assert joins(found) >= 1, found.history()
    assert stack.pid("stream")
    assert not stack.engine.unhealthy()

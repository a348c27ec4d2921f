"""The Jobs API and Airflow's scheduler are killed in the middle of a run: it's finished, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from databricks.sdk import WorkspaceClient

from contract.entities import ENTITIES
from stack.hops import jobs as jobs_api
from stack.hops import tables
from stack.hops.access import Access
from stack.hops.airflow import Airflow
from stack.waiting import wait_for
from tests.drills import road

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.once, pytest.mark.timeout(900)]

LIMIT = 400
"""Seconds that a run may take from where it is."""


@pytest.fixture
def jobs(stack: Stack) -> WorkspaceClient:
    return WorkspaceClient(host=stack.settings.jobs_api_url, token=jobs_api.token(stack.engine))


def test_a_run_survives_both(stack: Stack, jobs: WorkspaceClient) -> None:
    access = Access(stack.environment)
    airflow = Airflow.of(stack.engine, access)
    keys = road.send(stack, access, 0, 20)
    airflow.unpause()
    run_id = airflow.trigger()

    def submitted() -> list[int]:
        runs = jobs.jobs.list_runs(run_type=None, expand_tasks=False)
        mine = [
            run for run in runs if run.run_name and run.run_name.endswith(f"run_batch {run_id}")
        ]
        return sorted(run.run_id for run in mine if run.run_id)

    def works(number: int) -> bool:
        """Whether so many runs were submitted, and the task of the last one has begun to work."""
        ids = submitted()
        if len(ids) < number:
            return False
        (task,) = jobs.jobs.get_run(ids[-1]).tasks or []
        return bool(task.start_time) and airflow.tasks(run_id)["run_batch"] == "deferred"

    wait_for("the first try to work", lambda: works(1), 120)
    stack.kill("jobs-api")
    stack.start("jobs-api")
    wait_for("the second try to work", lambda: works(2), 180)
    stack.kill("airflow-scheduler")
    stack.start("airflow-scheduler")

    assert airflow.ended(run_id, LIMIT)["state"] == "success", airflow.failures(run_id)
    first, second = submitted()
    states = [jobs.jobs.get_run(number).state for number in (first, second)]
    assert [s.life_cycle_state.value for s in states if s and s.life_cycle_state] == [
        "INTERNAL_ERROR",
        "TERMINATED",
    ]
    assert len(airflow.published(run_id)) == 1
    for entity in ENTITIES:
        found = tables.keys(access, entity)
        assert len(found) == len(set(found))
        assert keys <= set(found)

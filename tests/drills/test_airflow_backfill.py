"""A backfill of three days gives the tables of one run; a repeated day changes no table."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES
from hops import objects
from hops.access import Access
from tests.conftest import Stack
from tests.support import ROOT, pipelines
from tests.support.airflow import Airflow
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.long, pytest.mark.processes, pytest.mark.timeout(900)]

DAYS = 3
POSTS = 15
LIMIT = 600
"""Seconds that a backfill may take."""


@pytest.fixture
def days(stack: Stack, access: Access) -> list[datetime]:
    """Return the last days, each with objects stored at noon."""
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found = [midnight - timedelta(days=back) for back in range(DAYS, 0, -1)]
    times: dict[str, str] = {}
    for number, day in enumerate(found):
        pipelines.send(stack, access, number * POSTS, POSTS)
        noon = (day + timedelta(hours=12)).isoformat()
        for entity in ENTITIES:
            topic = names.topic(stack.settings.user_id, entity)
            for item in objects.listing(access, topic):
                times.setdefault(item.key, noon)
    stack.stop("localstack")
    stored = Path(stack.variables["RUN_DIR"], "data/localstack/s3", stack.settings.bucket)
    python = ROOT / ".build/envs/localstack/bin/python"
    script = ROOT / "tests/support/backdate.py"
    # -P: the script's folder has a module localstack, which would hide LocalStack's package.
    subprocess.run([python, "-P", script, stored, json.dumps(times)], check=True)
    stack.start("localstack")
    return found


def backfill(airflow: Airflow, first: datetime, last: datetime, again: bool = False) -> int:
    """Run days by a backfill; return the number of runs, all of which must succeed.

    The backfill is created while the DAG is paused: on SQLite, it would fail if the scheduler
    created a run at the same moment, and the scheduler would end with an error.
    """
    airflow.pause()
    started = airflow.backfill(first, last, again=again)
    airflow.unpause()
    runs = wait_for("the backfill to end", lambda: airflow.backfilled(started), LIMIT, 1)
    assert [run for run in runs if run["state"] != "success"] == []
    return len(runs)


def test_a_backfill_of_three_days_equals_one_run(
    stack: Stack, access: Access, airflow: Airflow, days: list[datetime]
) -> None:
    assert backfill(airflow, days[0], days[-1]) == DAYS
    by_days = pipelines.contents(access)
    assert len(by_days["pin"]) > POSTS

    root = f"s3://{stack.settings.bucket}/at-once"
    stack.run("spark", environment={"DELTA_ROOT": root})
    at_once = replace(access, environment={**access.environment, "DELTA_ROOT": root})
    assert pipelines.contents(at_once) == by_days

    versions = pipelines.versions(access)
    assert backfill(airflow, days[1], days[1], again=True) == 1
    assert pipelines.contents(access) == by_days
    assert pipelines.versions(access) == versions

"""Seconds of runs of the DAG, from trigger to success, by component; memory of the stack.

The seconds are split by the times that Airflow and the Jobs API report.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from hops import databricks
from hops.access import Access
from tests.conftest import Stack
from tests.support import pipelines
from tests.support.airflow import Airflow

JOBS = ("run_batch", "check_quality")
DAYS = (500, 0, 500, 0)
"""New posts of each run; the first starts the cluster."""
AT_REST = "at rest, without a cluster"
MEMORY = 1126
"""MiB that Airflow's processes may use together at rest: 1.1 GiB."""


def seconds(first: str, last: str) -> float:
    """Return the seconds between two times of Airflow."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


def memory(stack: Stack) -> dict[str, float]:
    """MiB of each service."""
    return {each.service: each.memory_mib or 0 for each in stack.engine.status() if each.pid}


@pytest.mark.processes
@pytest.mark.timeout(900)
def test_days_of_500_draws_and_of_none(
    stack: Stack, access: Access, airflow: Airflow, say: Callable[..., None]
) -> None:
    jobs = WorkspaceClient(
        host=stack.settings.databricks_host, token=databricks.token(stack.engine)
    ).jobs
    before = memory(stack)
    airflow.unpause()
    lines = []
    for number, posts in enumerate(DAYS):
        if posts:
            pipelines.send(stack, access, 1000 * number, posts)
        run_id = airflow.trigger()
        run: dict[str, Any] = airflow.ended(run_id, 400)
        assert run["state"] == "success", airflow.failures(run_id)
        whole = seconds(run["run_after"], run["end_date"])
        runs = [jobs.get_run(airflow.xcom(run_id, job, "run_id")) for job in JOBS]
        ran = [(job.run_duration or 0) / 1000 for job in runs]
        tasks = [sum((t.execution_duration or 0) / 1000 for t in job.tasks or []) for job in runs]
        lines += [
            f"{posts} new posts, {whole:.1f} s from trigger to success:",
            f"  {'Airflow':24} {whole - sum(ran):6.1f} s",
            f"  {'Jobs API':24} {sum(ran) - sum(tasks):6.1f} s",
            f"  {'batch':24} {tasks[0]:6.1f} s",
            f"  {'gate':24} {tasks[1]:6.1f} s",
        ]
    for when, found in ((AT_REST, before), ("with the cluster", memory(stack))):
        lines.append(f"{when}, {sum(found.values()):.0f} MiB:")
        lines += [f"  {name:24} {mib:6.0f} MiB" for name, mib in found.items()]
    of_airflow = [mib for name, mib in before.items() if name.startswith("airflow-")]
    assert len(of_airflow) == 4
    assert sum(of_airflow) < MEMORY
    say(*lines)

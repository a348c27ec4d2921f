"""Seconds of a day of 500 draws in Airflow, from trigger to success, by component.

The start of Spark is measured in the same run, with a job that does nothing else, and subtracted
from each job's time. The rest is split by the times that Airflow and the Jobs API report.
"""

import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

from hops import databricks
from hops.access import Access
from tests.conftest import Stack
from tests.support import ROOT, pipelines
from tests.support.airflow import Airflow
from tests.support.program import spark_environment

JOBS = ("run_batch", "check_quality")
MEMORY = 1126
"""MiB that Airflow's processes may use together at rest: 1.1 GiB."""


def seconds_of_a_start(stack: Stack) -> float:
    """Return the seconds of a job that only starts Spark, at its second run, with warm files."""
    folder = Path(stack.variables["RUN_DIR"])
    environment = spark_environment(folder, **stack.environment) | {"RUN_DIR": str(folder)}
    command = [ROOT / "spark/run.sh", "tests.support.only_start"]
    for _ in range(2):
        began = time.perf_counter()
        subprocess.run(command, env=environment, check=True, capture_output=True)
        taken = time.perf_counter() - began
    return taken


def seconds(first: str, last: str) -> float:
    """Return the seconds between two times of Airflow."""
    return (datetime.fromisoformat(last) - datetime.fromisoformat(first)).total_seconds()


@pytest.mark.processes
@pytest.mark.timeout(900)
def test_a_day_of_500_draws(
    stack: Stack, access: Access, airflow: Airflow, say: Callable[..., None]
) -> None:
    jobs = WorkspaceClient(
        host=stack.settings.databricks_host, token=databricks.token(stack.engine)
    ).jobs
    memory = {
        status.service: status.memory_mib or 0
        for status in stack.engine.status()
        if status.service.startswith("airflow-") and status.pid
    }
    pipelines.send(stack, access, 0, 500)
    start = seconds_of_a_start(stack)
    airflow.unpause()
    lines = []
    for day in ("first", "second"):
        run_id = airflow.trigger()
        run: dict[str, Any] = airflow.ended(run_id, 400)
        assert run["state"] == "success", airflow.failures(run_id)
        whole = seconds(run["run_after"], run["end_date"])
        runs = [jobs.get_run(airflow.xcom(run_id, job, "run_id")) for job in JOBS]
        ran = [(job.run_duration or 0) / 1000 for job in runs]
        tasks = [sum((t.execution_duration or 0) / 1000 for t in job.tasks or []) for job in runs]
        work = [max(taken - start, 0) for taken in tasks]
        lines += [
            f"{day} run, {whole:.1f} s from trigger to success:",
            f"  {'Airflow':24} {whole - sum(ran):6.1f} s",
            f"  {'Jobs API':24} {sum(ran) - sum(tasks):6.1f} s",
            f"  {'start of Spark, twice':24} {sum(tasks) - sum(work):6.1f} s",
            f"  {'work of the batch':24} {work[0]:6.1f} s",
            f"  {'work of the gate':24} {work[1]:6.1f} s",
        ]
    lines += [f"  {name:24} {mib:6.0f} MiB at rest" for name, mib in memory.items()]
    assert len(memory) == 4
    assert sum(memory.values()) < MEMORY
    say(*lines, f"  {'together':24} {sum(memory.values()):6.0f} MiB")

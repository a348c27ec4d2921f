"""What the DAGs share: Spark jobs as runs of Databricks, and how a task is tried.

What a job is stands in ``spark_jobs``; the bundle's jobs are made of the same.

The operator itself is named in the DAGs: Airflow imports it once for all parses then, and at each
parse if it were named here (docs/decisions/0009-airflow.md).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pinterest import spark_jobs
from pinterest.alert import alert
from pinterest.names import INSTANCE_PROFILE, REGION, USER_ID, WHEEL

FOLDER = "/Workspace/Shared/pinterest-data-pipeline/spark/jobs"
"""Where the bundle's target prod puts the programs."""

CLUSTER = spark_jobs.cluster(USER_ID, REGION, INSTANCE_PROFILE)
DAG_ARGUMENTS: dict[str, Any] = {
    "start_date": datetime(2026, 1, 1, tzinfo=UTC),
    "catchup": False,
    "max_active_runs": 1,
    "default_args": {
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": True,
        "execution_timeout": timedelta(minutes=10),
        "on_failure_callback": alert,
    },
}
"""What every DAG has, and how its tasks are tried."""


def submission(key: str, **values: str) -> dict[str, Any]:
    """Arguments of a ``DatabricksSubmitRunOperator`` that runs a task of ``spark_jobs``.

    Args:
        values: what the task asks for; Airflow fills in its templates when it runs.
    """
    task = spark_jobs.TASKS[key].body(FOLDER, WHEEL, values, new_cluster=CLUSTER)
    return {
        "task_id": key,
        "json": {
            "run_name": f"{USER_ID} {key} {{{{ run_id }}}}",
            "timeout_seconds": spark_jobs.TIMEOUT_SECONDS,
            "tasks": [task],
        },
        # Of this try alone: a request that is sent again finds its run, a try after a failure
        # doesn't.
        "idempotency_token": "{{ ti.id }}",
        "deferrable": True,
        "polling_period_seconds": 3,
    }

"""What the DAGs share: Spark jobs as runs of Databricks, and the retries of a task.

``spark_jobs`` defines the jobs, for the DAGs and for the bundle.

The DAGs name the operator themselves: so Airflow imports it once for all parses, and not at each
parse as if this module named it (docs/decisions/0009-airflow.md).
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pinterest import spark_jobs
from pinterest.alert import alert
from pinterest.names import INSTANCE_PROFILE, REGION, USER_ID, WHEEL

FOLDER = "/Workspace/Shared/pinterest-data-pipeline/spark/jobs"
"""Folder of the workspace to which the bundle's target prod deploys the programs."""

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
"""Arguments of every DAG, with the retries of its tasks."""


def submission(key: str, **values: str) -> dict[str, Any]:
    """Arguments of a ``DatabricksSubmitRunOperator`` that runs a task of ``spark_jobs``.

    Args:
        values: the values that the task requires; Airflow renders their templates at run time.
    """
    task = spark_jobs.TASKS[key].body(FOLDER, WHEEL, values, new_cluster=CLUSTER)
    return {
        "task_id": key,
        "json": {
            "run_name": f"{USER_ID} {key} {{{{ run_id }}}}",
            "timeout_seconds": spark_jobs.TIMEOUT_SECONDS,
            "tasks": [task],
        },
        # Unique to this try: a repeated request finds its run, the next try starts another.
        "idempotency_token": "{{ ti.id }}",
        "deferrable": True,
        "polling_period_seconds": 3,
    }

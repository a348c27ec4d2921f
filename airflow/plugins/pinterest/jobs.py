"""What the DAGs share: Spark jobs as runs of Databricks, and how a task is tried.

The tasks are those of the bundle, ``spark/databricks.yml``; a test holds both equal.

The operator itself is named in the DAGs: Airflow imports it once for all parses then, and at each
parse if it were named here (docs/decisions/0009-airflow.md).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pinterest.alert import alert
from pinterest.names import INSTANCE_PROFILE, REGION, USER_ID, WHEEL

JOBS = "/Workspace/Shared/pinterest-data-pipeline/spark/jobs"
CLUSTER: dict[str, Any] = {
    "spark_version": "18.x-scala2.13",
    "node_type_id": "m5d.large",
    "num_workers": 0,
    "data_security_mode": "SINGLE_USER",
    "custom_tags": {"ResourceClass": "SingleNode"},
    "spark_conf": {
        "spark.databricks.cluster.profile": "singleNode",
        "spark.master": "local[*]",
    },
    "spark_env_vars": {"USER_ID": USER_ID, "AWS_REGION": REGION},
}
if INSTANCE_PROFILE:
    CLUSTER["aws_attributes"] = {"instance_profile_arn": INSTANCE_PROFILE}
LIBRARIES = [{"whl": WHEEL}] if WHEEL else []
TASKS: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": True,
    "execution_timeout": timedelta(minutes=10),
    "on_failure_callback": alert,
}
"""``default_args`` of every DAG."""


def submission(name: str, *parameters: str) -> dict[str, Any]:
    """Arguments of a ``DatabricksSubmitRunOperator`` that runs a job of ``spark/jobs``."""
    return {
        "json": {
            "run_name": f"{USER_ID} {name} {{{{ run_id }}}}",
            "timeout_seconds": 3600,
            "tasks": [
                {
                    "task_key": name,
                    "spark_python_task": {
                        "python_file": f"{JOBS}/{name}.py",
                        "parameters": list(parameters),
                    },
                    "new_cluster": CLUSTER,
                    "libraries": LIBRARIES,
                }
            ],
        },
        # Of this try alone: a request that is sent again finds its run, a try after a failure
        # doesn't.
        "idempotency_token": "{{ ti.id }}",
        "deferrable": True,
        "polling_period_seconds": 3,
    }

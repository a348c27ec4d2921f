"""What a Databricks cluster says about itself in Spark's settings, which programs read there."""

import json
from collections.abc import Mapping
from typing import Any

from services.databricks.api.views import USER
from services.databricks.store.database import Attempt

PREFIX = "spark.databricks.clusterUsageTags."


def cluster_tags(row: Attempt, cluster: Mapping[str, Any], existing: str) -> dict[str, str]:
    """The settings ``spark.databricks.clusterUsageTags.*`` for an attempt at a task.

    Args:
        cluster: the new cluster of the task, its own or one of its job, or empty.
        existing: runtime of every cluster that ``existing_cluster_id`` names.
    """
    job_cluster = f"job-{row.run.job_id}-run-{row.run.run_id}"
    cluster_id = row.task.get("existing_cluster_id") or job_cluster
    name = cluster.get("cluster_name") or cluster_id
    tags = {"Vendor": "Databricks", "Creator": USER, "ClusterName": name, "ClusterId": cluster_id}
    if not row.task.get("existing_cluster_id"):
        tags |= {"JobId": str(row.run.job_id), "RunName": row.run.name}
    tags |= cluster.get("custom_tags", {})
    return usage_tags(cluster_id, name, cluster.get("spark_version") or existing, tags)


def usage_tags(
    cluster_id: str, name: str, version: str, tags: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The settings of a cluster with this id, name, runtime and tags."""
    found = {
        "clusterId": cluster_id,
        "clusterName": name,
        "clusterOwnerOrgId": "0",
        "clusterCreator": USER,
        "clusterAllTags": json.dumps([{"key": k, "value": v} for k, v in (tags or {}).items()]),
        "clusterNodeType": "local",
        "driverNodeType": "local",
        "clusterWorkers": "0",
        "clusterState": "Running",
        "sparkVersion": version,
    }
    return {PREFIX + key: value for key, value in found.items()}

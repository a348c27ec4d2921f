"""The Spark settings of a task, which depend on the Databricks runtime of its cluster.

Spark itself has one version here. The difference on which notebooks depend is ANSI mode: on in
sessions from runtime 17 on, off before.
"""

from collections.abc import Mapping
from typing import Any

from contract.values import runtime
from services.databricks.api.errors import invalid

ANSI = "spark.sql.ansi.enabled"
ANSI_SINCE = 17
"""First runtime whose sessions are in ANSI mode."""


def check(version: str) -> None:
    """Refuse a ``spark_version`` that names no runtime.

    Like Databricks, this refuses ``auto:latest-lts`` and similar values, which belong in a policy.
    A cluster without a version is accepted, since a policy may set it.

    Raises:
        ApiError: names the value, with Databricks' message.
    """
    try:
        if version:
            runtime(version)
    except ValueError:
        raise invalid(f"Invalid spark version {version}.") from None


def session_conf(
    task: Mapping[str, Any], cluster: Mapping[str, Any], existing: str
) -> dict[str, str]:
    """Settings that the sessions of a task start with.

    Args:
        task: the task as the client sent it.
        cluster: the new cluster of the task, its own or one of its job, or empty.
        existing: runtime of every cluster that ``existing_cluster_id`` names.
    """
    ansi = cluster.get("spark_conf", {}).get(ANSI)
    if ansi is not None:
        return {ANSI: ansi}
    if not cluster and not task.get("existing_cluster_id"):
        return {ANSI: "true"}  # serverless, which is the newest runtime
    try:
        major = runtime(cluster.get("spark_version") or existing)
    except ValueError:  # a job that was stored before versions were checked
        major = runtime(existing)
    return {ANSI: "true" if major >= ANSI_SINCE else "false"}

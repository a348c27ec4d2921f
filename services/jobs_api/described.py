"""What the runner is told of a task (``task.json``), and what its cluster brings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.jobs_api.database import Attempt, Run
from services.jobs_api.parts import Parts
from services.jobs_api.runtimes import session_conf


def task_json(parts: Parts, run: Run, row: Attempt, others: Iterable[Attempt]) -> dict[str, Any]:
    """What the runner is told."""
    workspace = parts.workspace
    task: dict[str, Any] = dict(row.resolved or {})
    if "spark_python_task" in task:
        task["file"] = workspace.python_file(task["spark_python_task"]["python_file"])
    if "notebook_task" in task:
        task["file"] = workspace.notebook(task["notebook_task"]["notebook_path"])
    wheels = [item["whl"] for item in row.task.get("libraries", []) if item.get("whl")]
    packages = [
        item["pypi"]["package"] for item in row.task.get("libraries", []) if item.get("pypi")
    ]
    return task | {
        "wheels": [workspace.library(path) for path in wheels],
        "packages": packages,
        "values": {other.task_key: other.values for other in others},
        "workspace": workspace.folders,
        "dbfs": str(workspace.dbfs),
        "runtime": parts.settings.jobs_api_runtime,
        "spark_conf": session_conf(
            row.task, cluster_of(run, row), parts.settings.cluster_spark_version
        ),
        "context": {
            "job_id": str(run.job_id),
            "job_run_id": str(run.run_id),
            "run_id": str(row.run_id),
            "task_key": row.task_key,
            "job_name": run.name,
            "url": parts.settings.jobs_api_url,
        },
    }


def cluster_of(run: Run, row: Attempt) -> dict[str, Any]:
    """What the cluster of a task brings: its own, or a shared one of the job."""
    for item in run.settings.get("job_clusters", []):
        if item.get("job_cluster_key") == row.task.get("job_cluster_key"):
            return dict(item.get("new_cluster", {}))
    return dict(row.task.get("new_cluster") or {})

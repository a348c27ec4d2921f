"""The DAGs submit each task that is defined, once, and in the order of its job."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pinterest.spark_jobs import JOBS, TASKS


def test_each_task_is_submitted_once(dags: dict[str, Any]) -> None:
    submitted = [
        item["task_key"]
        for dag in dags.values()
        for task in dag.tasks
        for item in getattr(task, "json", {}).get("tasks", [])
    ]
    assert sorted(submitted) == sorted(TASKS)


def test_the_tasks_of_a_job_follow_each_other_in_one_dag(dags: dict[str, Any]) -> None:
    for job in JOBS:
        keys = [task.key for task in job.tasks]
        (dag,) = (dag for dag in dags.values() if keys[0] in dag.task_ids)
        for before, after in pairwise(keys):
            assert after in dag.get_task(before).downstream_task_ids


def test_each_parameter_of_a_job_is_asked_for() -> None:
    for job in JOBS:
        assert set(job.parameters) == set().union(*(task.names for task in job.tasks))

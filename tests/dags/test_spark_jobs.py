"""The DAGs submit each task of ``spark_jobs`` once."""

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


def test_a_job_has_the_parameters_that_its_tasks_require() -> None:
    for job in JOBS:
        assert set(job.parameters) == set().union(*(task.names for task in job.tasks))

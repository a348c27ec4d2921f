"""The context that Airflow passes to a task, as far as the DAGs' tasks and callbacks read it."""

import uuid
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any


def scheduled(day: datetime, run_type: str = "scheduled") -> SimpleNamespace:
    """The run of a day, created at the end of that day."""
    end = day + timedelta(days=1)
    return _run(run_type, end, day, end)


def triggered(at: datetime) -> SimpleNamespace:
    """A run that a person triggered; its data interval is the last day that has ended."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return _run("manual", at, midnight - timedelta(days=1), midnight)


def _run(run_type: str, run_after: datetime, start: datetime, end: datetime) -> SimpleNamespace:
    return SimpleNamespace(
        run_id=f"{run_type}__{run_after.isoformat()}",
        run_type=run_type,
        run_after=run_after,
        data_interval_start=start,
        data_interval_end=end,
    )


class TaskInstance:
    """One try of a task."""

    def __init__(self, task_id: str, run_id: str, number: int = 1) -> None:
        self.id = str(uuid.uuid4())
        self.dag_id, self.run_id, self.task_id = "0a1b2c3d4e5f_dag", run_id, task_id
        self.try_number = number
        self.stats_tags: dict[str, str] = {}
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        """Store a value for other tasks."""
        self.pushed[key] = value


def context(task: Any, run: Any, **more: Any) -> dict[str, Any]:
    """The context of one try of a task."""
    ti = TaskInstance(task.task_id, run.run_id)
    return {"dag_run": run, "run_id": run.run_id, "ti": ti, "task": task, "params": {}, **more}

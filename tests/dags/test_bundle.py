"""The tasks that the DAGs submit are those of the bundle, with the same parameters."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

BUNDLE = Path(__file__).resolve().parents[2] / "spark/databricks.yml"
TEMPLATE = re.compile(r"\{\{.*?\}\}")
"""What is filled in when a run starts: a job parameter there, Airflow's own here."""


def form(task: dict[str, Any]) -> tuple[str, list[str]]:
    """Name of a task's file and its parameters, whatever is filled in."""
    python = task["spark_python_task"]
    parameters = [TEMPLATE.sub("{{}}", text) for text in python["parameters"]]
    return Path(python["python_file"]).name, parameters


def test_each_task_has_the_parameters_of_the_bundles(dags: dict[str, Any]) -> None:
    jobs = yaml.safe_load(BUNDLE.read_text())["resources"]["jobs"]
    bundled = {
        task["task_key"]: form(task)
        for name, job in jobs.items()
        if name != "stream"  # it runs all the time, without Airflow
        for task in job["tasks"]
    }
    submitted = {
        item["task_key"]: form(item)
        for dag in dags.values()
        for task in dag.tasks
        for item in getattr(task, "json", {}).get("tasks", [])
    }
    assert submitted == bundled


def test_the_tasks_come_in_the_order_of_the_bundle(dag: Any) -> None:
    (first, gate) = yaml.safe_load(BUNDLE.read_text())["resources"]["jobs"]["batch"]["tasks"]
    assert gate["depends_on"] == [{"task_key": first["task_key"]}]
    assert gate["task_key"] in dag.get_task(first["task_key"]).downstream_task_ids

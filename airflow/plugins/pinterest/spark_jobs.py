"""The Spark jobs that Airflow has Databricks run: the one place that defines them.

``jobs`` makes of it what the DAGs submit, ``make bundle`` the same work as jobs of the bundle
(``spark/airflow_jobs.yml``). For both it imports nothing but the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Any, NamedTuple

TIMEOUT_SECONDS = 3600
"""Of a run that a DAG submits, and of a run of a job."""


class Task(NamedTuple):
    """A program of ``spark/jobs``, by its name.

    Args:
        parameters: of its command line; whoever runs it gives a value for each ``{name}``.
    """

    key: str
    parameters: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """Values that it asks for."""
        parsed = (part for text in self.parameters for part in Formatter().parse(text))
        return {name for _, name, _, _ in parsed if name}

    def body(
        self, folder: str, wheel: str, values: Mapping[str, str], **more: Any
    ) -> dict[str, Any]:
        """The task as the Jobs API takes it.

        Args:
            folder: where ``spark/jobs`` is.
            wheel: of what the programs import; empty where their environment has it.
            more: the task's cluster, and what it depends on.

        Raises:
            ValueError: the values aren't those that it asks for.
        """
        if values.keys() != self.names:
            raise ValueError(f"{self.key} asks for {sorted(self.names)}, not {sorted(values)}")
        return {
            "task_key": self.key,
            "spark_python_task": {
                "python_file": f"{folder}/{self.key}.py",
                "parameters": [text.format_map(values) for text in self.parameters],
            },
            **more,
            "libraries": [{"whl": wheel}] if wheel else [],
        }


class Job(NamedTuple):
    """Tasks that run one after the other.

    Args:
        parameters: what the tasks ask for, each with what it is where nothing is given.
    """

    name: str
    tasks: tuple[Task, ...]
    parameters: Mapping[str, str]


JOBS = (
    Job(
        "batch",
        (
            Task("run_batch", ("--json",)),
            Task("check_quality", ("--until", "{until}", "--thresholds", "{thresholds}")),
        ),
        {
            "until": "",  # end of what the gate looks at, ISO 8601; empty: now
            "thresholds": "{}",  # JSON object of the gate's thresholds, in place of its own
        },
    ),
    Job("maintenance", (Task("maintain_tables", ("--json",)),), {}),
)
TASKS = {task.key: task for job in JOBS for task in job.tasks}


def cluster(user_id: str, region: str, instance_profile: str) -> dict[str, Any]:
    """One machine, as the posts of a day need no more.

    Args:
        instance_profile: ARN of the one with which it reaches S3; empty where there is none.
    """
    profile = {"aws_attributes": {"instance_profile_arn": instance_profile}}
    return {
        "spark_version": "18.x-scala2.13",
        "node_type_id": "m5d.large",
        "num_workers": 0,
        "data_security_mode": "SINGLE_USER",
        "custom_tags": {"ResourceClass": "SingleNode"},
        "spark_conf": {
            "spark.databricks.cluster.profile": "singleNode",
            "spark.master": "local[*]",
        },
        "spark_env_vars": {"USER_ID": user_id, "AWS_REGION": region},
        **(profile if instance_profile else {}),
    }

"""The Spark jobs that Airflow submits to Databricks: the one place that defines them.

``jobs`` turns them into the runs of the DAGs, ``make bundle`` into the jobs of the bundle
(``spark/airflow_jobs.yml``). For both, this module imports only the standard library.
"""

from collections.abc import Mapping
from string import Formatter
from typing import Any, NamedTuple

TIMEOUT_SECONDS = 3600
"""Time-out of a run, submitted by a DAG or started as a job."""


class Task(NamedTuple):
    """A program of ``spark/jobs``; ``key`` is its name.

    Args:
        parameters: arguments of its command line; each ``{name}`` requires a value.
    """

    key: str
    parameters: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """Names of the values that the parameters require."""
        parsed = (part for text in self.parameters for part in Formatter().parse(text))
        return {name for _, name, _, _ in parsed if name}

    def body(
        self, folder: str, wheel: str, values: Mapping[str, str], **more: Any
    ) -> dict[str, Any]:
        """The task as the Jobs API expects it.

        Args:
            folder: where ``spark/jobs`` is.
            wheel: the wheel that the programs import; empty where their environment has it.
            more: further fields of the task, such as its cluster and its dependencies.

        Raises:
            ValueError: ``values`` lacks a required value or has another one.
        """
        if values.keys() != self.names:
            raise ValueError(f"{self.key} requires {sorted(self.names)}, not {sorted(values)}")
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
        parameters: the values that the tasks require, with their defaults.
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
            "until": "",  # end of the time that the gate checks, ISO 8601; empty: now
            "thresholds": "{}",  # JSON object of the gate's thresholds, in place of its own
        },
    ),
    Job("maintenance", (Task("maintain_tables", ("--json",)),), {}),
)
TASKS = {task.key: task for job in JOBS for task in job.tasks}


def cluster(user_id: str, region: str, instance_profile: str) -> dict[str, Any]:
    """A cluster of one machine, which suffices for the posts of a day.

    Args:
        instance_profile: ARN of the profile with which the cluster reaches S3, or empty.
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

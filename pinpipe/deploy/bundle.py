"""Writes the jobs of the Databricks bundle from the definition that Airflow submits, too.

The definition is ``airflow/plugins/pinterest/spark_jobs.py``. It is read as a file, since no other
package may import from ``airflow/``. The Databricks CLI fills in ``${var...}`` at a deployment, and
``{{job.parameters...}}`` at a run.

    python -m pinpipe.deploy.bundle        # writes spark/airflow_jobs.yml
"""

import runpy
import sys
from pathlib import Path
from typing import Any

import yaml

from pinpipe.deploy import wheel

FILE = Path("spark/airflow_jobs.yml")
"""The written file, which ``spark/databricks.yml`` includes."""
DEFINITION = Path("airflow/plugins/pinterest/spark_jobs.py")

HEAD = f"""\
# Written by `make bundle` from {DEFINITION}: change that, not this.
#
# The jobs that Airflow's DAGs submit, task by task, and the cluster of every job in the bundle.
# None has a schedule: one clock is enough.
"""


class _Dumper(yaml.SafeDumper):
    """Indents lists, as databricks.yml does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def text(root: Path) -> str:
    """Contents of the file for the definition below ``root``."""
    defined = runpy.run_path(str(root / DEFINITION))
    # A path in a bundle is relative to the file that contains it.
    library = f"../dist/{wheel.FOLDER}/{wheel.file_name(root)}"
    cluster = {
        "description": "one machine, as the posts of a day need no more",
        "type": "complex",
        "default": defined["cluster"](
            "${var.user_id}", "${var.aws_region}", "${var.instance_profile_arn}"
        ),
    }
    jobs = {job.name: _job(job, library, defined["TIMEOUT_SECONDS"]) for job in defined["JOBS"]}
    document = {"variables": {"cluster": cluster}, "resources": {"jobs": jobs}}
    return HEAD + yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1000)


def _job(job: Any, library: str, timeout_seconds: int) -> dict[str, Any]:
    tasks: list[dict[str, Any]] = []
    for task in job.tasks:
        before = {"depends_on": [{"task_key": tasks[-1]["task_key"]}]} if tasks else {}
        values = {name: f"{{{{job.parameters.{name}}}}}" for name in task.names}
        tasks.append(task.body("jobs", library, values, **before, job_cluster_key=job.name))
    parameters = [{"name": name, "default": value} for name, value in job.parameters.items()]
    return {
        "name": f"${{var.user_id}} {job.name}",
        "max_concurrent_runs": 1,
        "timeout_seconds": timeout_seconds,
        **({"parameters": parameters} if parameters else {}),
        "job_clusters": [{"job_cluster_key": job.name, "new_cluster": "${var.cluster}"}],
        "tasks": tasks,
    }


def main() -> None:
    """Write the file and print its path."""
    root = Path(__file__).resolve().parents[2]
    (root / FILE).write_text(text(root), encoding="utf-8")
    sys.stdout.write(f"{FILE}: the jobs of the bundle, as Airflow submits them\n")


if __name__ == "__main__":
    main()

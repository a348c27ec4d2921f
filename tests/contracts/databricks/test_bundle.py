"""The bundle's jobs in the local Jobs API, with the bundle's files and wheel."""

from collections.abc import Callable
from pathlib import Path

from pinpipe.deploy.wheel import build
from tests.support.bundle import ROOT, Bundle
from tests.support.databricks import JobsApi

PROGRAM = """\
import os, sys
import contract.settings
wheel = "libraries" in contract.settings.__file__
print(wheel, os.environ["USER_ID"], os.environ["AWS_REGION"], *sys.argv[1:])
"""
"""Replaces a program: prints its arguments, and whether it imports the wheel's code."""


def test_a_job_has_its_files_its_wheel_and_its_parameters(
    start_api: Callable[..., JobsApi],
) -> None:
    api, bundle = start_api(), Bundle.of("prod")
    settings = bundle.created("batch")

    def local_file(path: str) -> Path:
        found = api.workspace / path.removeprefix("/Workspace/")
        found.parent.mkdir(parents=True, exist_ok=True)
        return found

    for task in settings["tasks"]:
        local_file(task["spark_python_task"]["python_file"]).write_text(PROGRAM)
        build(ROOT, local_file(task["libraries"][0]["whl"]).parent)
    made = api.call("POST", "/api/2.2/jobs/create", settings)
    assert made.status == 200, made.body
    run = api.jobs.run_now(made.json["job_id"], job_parameters={"until": "2026-03-02"}).response
    ended = api.ended(run.run_id)
    logs = {task.task_key: api.output(ended, task.task_key).logs for task in ended.tasks or []}
    assert logs == {
        "run_batch": "True 0a1b2c3d4e5f us-east-1 --json\n",
        "check_quality": "True 0a1b2c3d4e5f us-east-1 --until 2026-03-02 --thresholds {}\n",
    }

"""The provider's operators, unmodified, and the DAG's own tasks, against the real Jobs API."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.databricks.operators.databricks import (
    DatabricksCreateJobsOperator,
    DatabricksRunNowOperator,
    DatabricksSubmitRunOperator,
    DatabricksTaskOperator,
)
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from context import context, triggered
from deferral import complete, defer, rendered, triggered_anew
from running import JobsApi

from tests.support.waiting import wait_for

RUN = triggered(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
JOBS = "/Workspace/Shared/pinterest-data-pipeline/spark/jobs"

pytestmark = pytest.mark.usefixtures("jobs_api")


def task_of(job: str, *parameters: str) -> dict[str, Any]:
    """The tasks of a run."""
    file = {"python_file": f"{JOBS}/{job}.py", "parameters": list(parameters)}
    return {"tasks": [{"task_key": job, "spark_python_task": file}]}


def submitting(job: str, *parameters: str, **more: Any) -> DatabricksSubmitRunOperator:
    body = task_of(job, *parameters)
    return DatabricksSubmitRunOperator(task_id=job, json=body, polling_period_seconds=0.1, **more)


def running(jobs_api: JobsApi, job: str, *parameters: str, **more: Any) -> Any:
    made = jobs_api.call("create", {"name": job, **task_of(job, *parameters)})
    return DatabricksRunNowOperator(
        task_id=job, job_id=made["job_id"], polling_period_seconds=0.1, **more
    )


@pytest.fixture(params=["submit", "run-now"])
def operator(request: pytest.FixtureRequest, jobs_api: JobsApi) -> Callable[..., Any]:
    """Makes an operator of either kind for a job."""
    if request.param == "submit":
        return submitting
    return lambda *arguments, **more: running(jobs_api, *arguments, **more)


@pytest.fixture(params=[False, True], ids=["waiting", "deferred"])
def either(request: pytest.FixtureRequest, operator: Callable[..., Any]) -> Callable[..., Any]:
    """Makes an operator that waits in its worker, or one that defers."""
    return partial(operator, deferrable=request.param)


def carry_out(task: Any, found: dict[str, Any]) -> None:
    """Execute a task to its end, whether it defers or not."""
    try:
        task.execute(found)
    except TaskDeferred as deferred:
        complete(task, found, deferred)


def test_a_run_succeeds_and_its_page_is_pushed(
    either: Callable[..., Any], jobs_api: JobsApi
) -> None:
    task = either("run_batch", "--json")
    found = context(task, RUN)
    carry_out(task, found)
    pushed = found["ti"].pushed
    run = jobs_api.call(f"runs/get?run_id={pushed['run_id']}")
    assert run["state"]["result_state"] == "SUCCESS"
    assert pushed["run_page_url"] == run["run_page_url"]
    assert jobs_api.logs(run) == "--json\n"


def test_a_failure_has_the_error_of_its_task(either: Callable[..., Any]) -> None:
    task = either("check_quality", "freshness")
    with pytest.raises(Exception, match=r"FAILED.*check_quality.*freshness: 3 of 1"):
        carry_out(task, context(task, RUN))


def test_a_request_that_is_sent_again_finds_its_run(either: Callable[..., Any]) -> None:
    runs = []
    one, another = uuid.uuid4().hex, uuid.uuid4().hex
    for token in (one, one, another):
        task = either("run_batch", idempotency_token=token)
        found = context(task, RUN)
        carry_out(task, found)
        runs.append(found["ti"].pushed["run_id"])
    assert runs[0] == runs[1] != runs[2]


def test_a_deferred_task_that_is_ended_cancels_its_run(
    operator: Callable[..., Any], tmp_path: Path
) -> None:
    """By a person: then Airflow asks the trigger, where the provider knows of that."""
    task = operator("hold", str(tmp_path / "held"), deferrable=True)
    found = context(task, RUN)
    deferred = defer(task, found)
    wait_for("the run to run", (tmp_path / "held").exists)
    trigger = triggered_anew(deferred)
    if "on_kill" in vars(type(trigger)):
        asyncio.run(trigger.on_kill())
    else:
        task.on_kill()
    with pytest.raises(Exception, match="CANCELED"):
        complete(task, found, deferred)


def test_a_task_that_is_killed_cancels_its_run(
    operator: Callable[..., Any], tmp_path: Path
) -> None:
    task = operator("hold", str(tmp_path / "held"), deferrable=False)
    raised = []

    def execute() -> None:
        with pytest.raises(Exception, match="CANCELED") as found:
            task.execute(context(task, RUN))
        raised.append(found.value)

    thread = threading.Thread(target=execute)
    thread.start()
    wait_for("the run to run", (tmp_path / "held").exists)
    task.on_kill()
    thread.join(20)
    assert raised


def a_task(job: str, *parameters: str, **more: Any) -> DatabricksTaskOperator:
    """The operator that a notebook has of its own is of this kind, too."""
    (config,) = task_of(job, *parameters)["tasks"]
    del config["task_key"]
    return DatabricksTaskOperator(task_id=job, task_config=config, polling_period_seconds=1, **more)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_task_finds_itself_in_the_run_that_it_has_submitted(
    jobs_api: JobsApi, deferrable: bool
) -> None:
    task = a_task("run_batch", "--json", existing_cluster_id="any", deferrable=deferrable)
    found = context(task, RUN)
    carry_out(task, found)
    run = jobs_api.call(f"runs/get?run_id={found['ti'].pushed['run_id']}")
    assert run["state"]["result_state"] == "SUCCESS"
    assert jobs_api.logs(run) == "--json\n"


def test_a_workflow_starts_with_the_parameters_of_its_tasks(
    jobs_api: JobsApi, tmp_path: Path
) -> None:
    with (
        DAG("flow", schedule=None) as dag,
        DatabricksWorkflowTaskGroup(group_id="group", databricks_conn_id="databricks_default"),
    ):
        a_task("hold", str(tmp_path / "held"), existing_cluster_id="any")
    launch = dag.get_task("group.launch")

    def has_ended(run_id: int) -> bool:
        return "result_state" in jobs_api.call(f"runs/get?run_id={run_id}")["state"]

    for _ in range(2):  # the second makes no job of its own
        started = launch.execute(context(launch, RUN))
        wait_for("its task to run", (tmp_path / "held").exists)
        (tmp_path / "held").unlink()
        launch.on_kill()
        wait_for("its end", partial(has_ended, started["run_id"]))
    assert len(jobs_api.call("list?name=flow.group")["jobs"]) == 1


def test_a_job_is_made_once_with_its_permissions(jobs_api: JobsApi) -> None:
    access = [{"user_name": "ann", "permission_level": "CAN_VIEW"}]
    made = {
        DatabricksCreateJobsOperator(
            task_id="make", name="made", access_control_list=access, **task_of("run_batch")
        ).execute({})
        for _ in range(2)
    }
    assert len(made) == 1


def test_a_wrong_token_is_refused(
    either: Callable[..., Any], jobs_api: JobsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = either("run_batch")
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", jobs_api.connection("wrong"))
    with pytest.raises(Exception, match="Invalid access token"):
        task.execute(context(task, RUN))


def of_the_dag(found: dict[str, Any]) -> Any:
    """A task of the DAG, ready to execute; it asks more often than the DAG does."""
    task = rendered(found["task"], found)
    task.polling_period_seconds = 0.1
    return task


def test_the_dags_batch_job_runs_once_for_each_try(dag: Any, jobs_api: JobsApi) -> None:
    found = context(dag.get_task("run_batch"), RUN)
    task = of_the_dag(found)
    carry_out(task, found)
    run = jobs_api.call(f"runs/get?run_id={found['ti'].pushed['run_id']}")
    assert run["run_name"] == f"0a1b2c3d4e5f run_batch {RUN.run_id}"
    assert jobs_api.logs(run) == "--json\n"

    # A worker that is killed right after its request, and a try that follows a failure.
    again = of_the_dag(found)
    carry_out(again, found)
    assert again.run_id == task.run_id
    other = context(dag.get_task("run_batch"), RUN)
    next_try = of_the_dag(other)
    carry_out(next_try, other)
    assert next_try.run_id != task.run_id


def test_the_dags_gate_fails_with_what_the_job_found(dag: Any, jobs_api: JobsApi) -> None:
    params = {name: None for name in dag.params} | {"freshness": 1}
    found = context(dag.get_task("check_quality"), RUN, params=params)
    task = of_the_dag(found)
    with pytest.raises(Exception, match="freshness: 3 of 1"):
        carry_out(task, found)
    run = jobs_api.call(f"runs/get?run_id={found['ti'].pushed['run_id']}")
    assert jobs_api.logs(run).splitlines()[0] == (
        '--until 2026-03-02T09:30:00+00:00 --thresholds {"freshness": 1}'
    )

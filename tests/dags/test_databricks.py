"""The provider's operators, unmodified, and the DAG's own tasks, against the real Jobs API."""

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
from deferral import complete, defer, rendered, restored_trigger
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
    """A factory of operators for a job: one that submits it, and one that runs it now."""
    if request.param == "submit":
        return submitting
    return lambda *arguments, **more: running(jobs_api, *arguments, **more)


@pytest.fixture(params=[False, True], ids=["waiting", "deferred"])
def make_task(request: pytest.FixtureRequest, operator: Callable[..., Any]) -> Callable[..., Any]:
    """A factory of operators: one that waits in its worker, and one that defers."""
    return partial(operator, deferrable=request.param)


def carry_out(task: Any, task_context: dict[str, Any]) -> None:
    """Execute a task to its end, whether it defers or not."""
    try:
        task.execute(task_context)
    except TaskDeferred as deferred:
        complete(task, task_context, deferred)


def test_a_run_succeeds_and_its_page_is_pushed(
    make_task: Callable[..., Any], jobs_api: JobsApi
) -> None:
    task = make_task("run_batch", "--json")
    task_context = context(task, RUN)
    carry_out(task, task_context)
    pushed = task_context["ti"].pushed
    run = jobs_api.call(f"runs/get?run_id={pushed['run_id']}")
    assert run["state"]["result_state"] == "SUCCESS"
    assert pushed["run_page_url"] == run["run_page_url"]
    assert jobs_api.logs(run) == "--json\n"


def test_a_failure_has_the_error_of_its_task(make_task: Callable[..., Any]) -> None:
    task = make_task("check_quality", "freshness")
    with pytest.raises(Exception, match=r"FAILED.*check_quality.*freshness: 3 of 1"):
        carry_out(task, context(task, RUN))


def test_a_request_that_is_sent_again_finds_its_run(make_task: Callable[..., Any]) -> None:
    runs = []
    one, another = uuid.uuid4().hex, uuid.uuid4().hex
    for token in (one, one, another):
        task = make_task("run_batch", idempotency_token=token)
        task_context = context(task, RUN)
        carry_out(task, task_context)
        runs.append(task_context["ti"].pushed["run_id"])
    assert runs[0] == runs[1] != runs[2]


def test_a_deferred_task_that_a_person_ends_cancels_its_run(
    operator: Callable[..., Any], tmp_path: Path
) -> None:
    """Airflow then calls ``on_kill`` of the trigger, if the provider's version has that method."""
    task = operator("hold", str(tmp_path / "held"), deferrable=True)
    task_context = context(task, RUN)
    deferred = defer(task, task_context)
    wait_for("the run to run", (tmp_path / "held").exists)
    trigger = restored_trigger(deferred)
    if "on_kill" in vars(type(trigger)):
        asyncio.run(trigger.on_kill())
    else:
        task.on_kill()
    with pytest.raises(Exception, match="CANCELED"):
        complete(task, task_context, deferred)


def test_a_killed_task_cancels_its_run(operator: Callable[..., Any], tmp_path: Path) -> None:
    task = operator("hold", str(tmp_path / "held"), deferrable=False)
    raised = []

    def execute() -> None:
        with pytest.raises(Exception, match="CANCELED") as caught:
            task.execute(context(task, RUN))
        raised.append(caught.value)

    thread = threading.Thread(target=execute)
    thread.start()
    wait_for("the run to run", (tmp_path / "held").exists)
    task.on_kill()
    thread.join(20)
    assert raised


def task_operator(job: str, *parameters: str, **more: Any) -> DatabricksTaskOperator:
    """The base class of the provider's operator for notebooks."""
    (config,) = task_of(job, *parameters)["tasks"]
    del config["task_key"]
    return DatabricksTaskOperator(task_id=job, task_config=config, polling_period_seconds=1, **more)


@pytest.mark.parametrize("deferrable", [False, True])
def test_a_task_operator_finds_its_task_in_the_submitted_run(
    jobs_api: JobsApi, deferrable: bool
) -> None:
    task = task_operator("run_batch", "--json", existing_cluster_id="any", deferrable=deferrable)
    task_context = context(task, RUN)
    carry_out(task, task_context)
    run = jobs_api.call(f"runs/get?run_id={task_context['ti'].pushed['run_id']}")
    assert run["state"]["result_state"] == "SUCCESS"
    assert jobs_api.logs(run) == "--json\n"


def test_a_workflow_starts_with_the_parameters_of_its_tasks(
    jobs_api: JobsApi, tmp_path: Path
) -> None:
    with (
        DAG("flow", schedule=None) as dag,
        DatabricksWorkflowTaskGroup(group_id="group", databricks_conn_id="databricks_default"),
    ):
        task_operator("hold", str(tmp_path / "held"), existing_cluster_id="any")
    launch = dag.get_task("group.launch")

    def has_ended(run_id: int) -> bool:
        return "result_state" in jobs_api.call(f"runs/get?run_id={run_id}")["state"]

    for _ in range(2):  # the second start creates no other job
        started = launch.execute(context(launch, RUN))
        wait_for("its task to run", (tmp_path / "held").exists)
        (tmp_path / "held").unlink()
        launch.on_kill()
        wait_for("its end", partial(has_ended, started["run_id"]))
    assert len(jobs_api.call("list?name=flow.group")["jobs"]) == 1


def test_a_job_is_created_once_with_its_permissions(jobs_api: JobsApi) -> None:
    access = [{"user_name": "ann", "permission_level": "CAN_VIEW"}]
    made = {
        DatabricksCreateJobsOperator(
            task_id="make", name="made", access_control_list=access, **task_of("run_batch")
        ).execute({})
        for _ in range(2)
    }
    assert len(made) == 1


def test_a_wrong_token_is_refused(
    make_task: Callable[..., Any], jobs_api: JobsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task("run_batch")
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", jobs_api.connection("wrong"))
    with pytest.raises(Exception, match="Invalid access token"):
        task.execute(context(task, RUN))


def dag_task(task_context: dict[str, Any]) -> Any:
    """A task of the DAG, ready to execute; it polls more often than in the DAG."""
    task = rendered(task_context["task"], task_context)
    task.polling_period_seconds = 0.1
    return task


def test_the_dags_batch_job_runs_once_for_each_try(dag: Any, jobs_api: JobsApi) -> None:
    task_context = context(dag.get_task("run_batch"), RUN)
    task = dag_task(task_context)
    carry_out(task, task_context)
    run = jobs_api.call(f"runs/get?run_id={task_context['ti'].pushed['run_id']}")
    assert run["run_name"] == f"0a1b2c3d4e5f run_batch {RUN.run_id}"
    assert jobs_api.logs(run) == "--json\n"

    # A worker that is killed right after its request, then a try that follows a failure.
    again = dag_task(task_context)
    carry_out(again, task_context)
    assert again.run_id == task.run_id
    other = context(dag.get_task("run_batch"), RUN)
    next_try = dag_task(other)
    carry_out(next_try, other)
    assert next_try.run_id != task.run_id


def test_the_dags_gate_fails_with_the_error_of_its_job(dag: Any, jobs_api: JobsApi) -> None:
    params = {name: None for name in dag.params} | {"freshness": 1}
    task_context = context(dag.get_task("check_quality"), RUN, params=params)
    task = dag_task(task_context)
    with pytest.raises(Exception, match="freshness: 3 of 1"):
        carry_out(task, task_context)
    run = jobs_api.call(f"runs/get?run_id={task_context['ti'].pushed['run_id']}")
    assert jobs_api.logs(run).splitlines()[0] == (
        '--until 2026-03-02T09:30:00+00:00 --thresholds {"freshness": 1}'
    )

"""databricks-sdk, unmodified, against the running service."""

from pathlib import Path

import pytest
from databricks.sdk.errors import InvalidParameterValue, InvalidState, ResourceDoesNotExist
from databricks.sdk.service import jobs
from databricks.sdk.service.compute import ClusterSource

from contract.settings import Settings
from tests.support.databricks import JobsApi, lives, python, results, task
from tests.support.waiting import wait_for


def test_a_job_is_created_changed_listed_and_deleted(api: JobsApi) -> None:
    settings = {"name": "First", "tags": {"a": "b"}, "timeout_seconds": 600}
    job_id = api.jobs.create(tasks=[task("a", "say.py")], **settings).job_id
    job = api.jobs.get(job_id)
    assert (job.job_id, job.settings.name, job.settings.tags) == (job_id, "First", {"a": "b"})
    assert job.settings.tasks[0].spark_python_task.python_file == "/Workspace/say.py"

    change = jobs.JobSettings(tasks=[task("b", "say.py", after=("a",))])
    api.jobs.update(job_id, new_settings=change, fields_to_remove=["tags"])
    job = api.jobs.get(job_id)
    assert [t.task_key for t in job.settings.tasks] == ["a", "b"]
    assert job.settings.tags is None

    api.jobs.reset(job_id, jobs.JobSettings(name="Second", tasks=[task("c", "say.py")]))
    job = api.jobs.get(job_id)
    assert (job.settings.name, [t.task_key for t in job.settings.tasks]) == ("Second", ["c"])

    assert [j.job_id for j in api.jobs.list(name="second")] == [job_id]
    api.jobs.delete(job_id)
    assert list(api.jobs.list(name="second")) == []
    with pytest.raises(ResourceDoesNotExist, match=f"Job {job_id} does not exist"):
        api.jobs.get(job_id)


def test_the_permissions_of_a_job_are_stored(api: JobsApi) -> None:
    level, access = jobs.JobPermissionLevel, jobs.JobAccessControlRequest

    def levels() -> dict[str, str]:
        listed = api.jobs.get_permissions(str(job_id)).access_control_list
        return {
            item.user_name or item.group_name: item.all_permissions[0].permission_level.value
            for item in listed
        }

    given = [access(user_name="ann", permission_level=level.CAN_VIEW)]
    created = api.jobs.create(tasks=[task("a", "say.py")], access_control_list=given)
    job_id = created.job_id
    owner = {"jobs-api@localhost": "IS_OWNER"}
    assert levels() == {**owner, "ann": "CAN_VIEW"}
    more = [
        access(user_name="ann", permission_level=level.CAN_MANAGE),
        access(group_name="staff", permission_level=level.CAN_MANAGE_RUN),
    ]
    api.jobs.update_permissions(str(job_id), access_control_list=more)
    api.jobs.reset(job_id, jobs.JobSettings(name="Other", tasks=[task("a", "say.py")]))
    api.jobs.update(job_id, new_settings=jobs.JobSettings(name="Third"))
    assert levels() == {**owner, "ann": "CAN_MANAGE", "staff": "CAN_MANAGE_RUN"}
    api.jobs.set_permissions(
        str(job_id), access_control_list=[access(user_name="bob", permission_level=level.IS_OWNER)]
    )
    assert levels() == {"bob": "IS_OWNER"}
    settings = api.call("GET", "/api/2.1/jobs/get", None, {"job_id": job_id}).json["settings"]
    assert "access_control_list" not in settings
    all_levels = api.jobs.get_permission_levels(str(job_id)).permission_levels
    assert {item.permission_level for item in all_levels} == set(level)


def test_lists_are_paged(api: JobsApi) -> None:
    created = [api.jobs.create(name="paged", tasks=[task("a", "say.py")]).job_id for _ in range(5)]
    listed = [j.job_id for j in api.jobs.list(name="paged", limit=2)]
    assert listed == created[::-1]
    runs = [api.submit(python("a", "say.py"), run_name="paged") for _ in range(3)]
    found = [run.run_id for run in api.jobs.list_runs(limit=1, run_type=jobs.RunType.SUBMIT_RUN)]
    assert [run for run in found if run in runs] == runs[::-1]
    for run in runs:
        api.ended(run)


def test_a_run_resolves_parameters_and_references(api: JobsApi) -> None:
    job_id = api.jobs.create(
        name="parameters",
        parameters=[
            jobs.JobParameterDefinition("day", "{{job.start_time.iso_date}}"),
            jobs.JobParameterDefinition("place", "here"),
        ],
        tasks=[
            task("a", "say.py", "{{job.id}}", "{{run.id}}", "{{job.parameters.place}}", "{{x}}"),
            task("b", "say.py", "{{job.parameters.day}}", "{{tasks.a.result_state}}", after=("a",)),
        ],
    ).job_id
    waiter = api.jobs.run_now(job_id, job_parameters={"place": "thère"})
    run = api.ended(waiter.run_id)
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    assert run.status.termination_details.code is jobs.TerminationCodeCode.SUCCESS
    assert api.output(run, "a").logs == f"{job_id} {run.run_id} thère {{{{x}}}}\n"
    day, state = (api.output(run, "b").logs or "").split()
    assert len(day) == 10
    assert state == "success"
    assert {p.name: p.value for p in run.job_parameters}["place"] == "thère"
    assert run.run_page_url == f"{api.url}/jobs/{job_id}/runs/{run.run_id}"
    assert run.start_time <= run.end_time


def test_empty_parameters_count_as_absent(api: JobsApi) -> None:
    job_id = api.jobs.create(name="own", tasks=[task("a", "say.py", "own")]).job_id
    body = {"job_id": job_id, "job_parameters": {"day": "1"}, "python_params": [], "jar_params": []}
    response = api.call("POST", "/api/2.2/jobs/run-now", body)
    assert response.status == 200, response.json
    assert api.output(api.ended(response.json["run_id"]), "a").logs == "own\n"


def test_a_failed_task_reports_its_error_and_is_repaired(api: JobsApi, tmp_path: Path) -> None:
    job_id = api.jobs.create(
        name="repaired",
        tasks=[
            task("fine", "say.py"),
            task("once", "once.py", str(tmp_path / "been")),
            task("after", "say.py", after=("once",)),
        ],
    ).job_id
    run = api.ended(api.jobs.run_now(job_id).run_id)
    assert results(run) == {"fine": "SUCCESS", "once": "FAILED", "after": "UPSTREAM_FAILED"}
    assert "Task once failed" in run.state.state_message
    output = api.output(run, "once")
    assert output.error == "AssertionError: first time"
    assert 'once.py", line 2' in (output.error_trace or "")
    assert "services/databricks" not in (output.error_trace or "")

    repair = api.jobs.repair_run(run.run_id, rerun_all_failed_tasks=True).response.repair_id
    run = api.ended(run.run_id)
    assert set(results(run).values()) == {"SUCCESS"}
    assert [t.attempt_number for t in run.tasks if t.task_key == "once"] == [0, 1]
    assert [t.attempt_number for t in run.tasks if t.task_key == "fine"] == [0]
    history = api.jobs.get_run(run.run_id, include_history=True).repair_history
    assert [(h.type.value, h.id) for h in history] == [("ORIGINAL", None), ("REPAIR", repair)]
    assert [h.state.result_state.value for h in history] == ["FAILED", "SUCCESS"]
    assert [len(h.task_run_ids) for h in history] == [3, 2]
    with pytest.raises(InvalidParameterValue, match="latest_repair_id"):
        api.jobs.repair_run(run.run_id, rerun_tasks=["fine"])
    api.jobs.repair_run(run.run_id, rerun_tasks=["fine"], latest_repair_id=repair)
    assert api.ended(run.run_id).state.result_state is jobs.RunResultState.SUCCESS


def test_cancel_ends_every_process_of_the_tree(api: JobsApi, tmp_path: Path) -> None:
    run_id = api.submit(python("a", "tree.py", str(tmp_path / "pid")), run_name="tree")
    pid = int(
        wait_for(
            "the deepest process",
            lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(),
        )
    )
    active = [run.run_id for run in api.jobs.list_runs(active_only=True)]
    assert run_id in active
    with pytest.raises(InvalidState):
        api.jobs.delete_run(run_id)
    api.jobs.cancel_run(run_id)
    run = api.ended(run_id)
    assert run.state.result_state is jobs.RunResultState.CANCELED
    assert run.state.user_cancelled_or_timedout
    assert results(run) == {"a": "CANCELED"}
    assert not lives(pid)
    api.jobs.delete_run(run_id)
    with pytest.raises(ResourceDoesNotExist):
        api.jobs.get_run(run_id)


def test_all_runs_of_a_job_are_cancelled(api: JobsApi, tmp_path: Path) -> None:
    job_id = api.jobs.create(
        name="all", max_concurrent_runs=2, tasks=[task("a", "hold.py", str(tmp_path / "never"))]
    ).job_id
    runs = [api.jobs.run_now(job_id).run_id for _ in range(2)]
    skipped = api.jobs.get_run(api.jobs.run_now(job_id).run_id)
    assert skipped.state.life_cycle_state is jobs.RunLifeCycleState.SKIPPED
    assert skipped.state.result_state.value == "MAXIMUM_CONCURRENT_RUNS_REACHED"
    queued = api.jobs.run_now(job_id, queue=jobs.QueueSettings(enabled=True)).run_id
    api.jobs.cancel_all_runs(job_id=job_id)
    assert {api.ended(run).state.result_state.value for run in [*runs, queued]} == {"CANCELED"}


def test_a_token_submitted_twice_runs_once(api: JobsApi, tmp_path: Path) -> None:
    job_id = api.jobs.create(name="token", tasks=[task("a", "say.py")]).job_id
    submitted = {api.submit(python("a", "say.py"), idempotency_token="once") for _ in range(3)}
    started = {api.jobs.run_now(job_id, idempotency_token="now").run_id for _ in range(3)}
    assert (len(submitted), len(started)) == (1, 1)
    assert [run.run_id for run in api.jobs.list_runs(job_id=job_id)] == list(started)
    for run_id in submitted | started:
        api.ended(run_id)
        api.jobs.delete_run(run_id)
    with pytest.raises(InvalidParameterValue, match="was deleted"):
        api.submit(python("a", "say.py"), idempotency_token="once")


def test_a_client_finds_the_all_purpose_cluster_and_its_runtimes(api: JobsApi) -> None:
    clusters = api.client.clusters
    (cluster,) = [one for one in clusters.list() if one.cluster_source != ClusterSource.JOB]
    assert clusters.get(cluster.cluster_id).state == cluster.state
    assert cluster.spark_version == Settings().cluster_spark_version
    versions = {version.key for version in clusters.spark_versions().versions or []}
    assert versions == {cluster.spark_version, "18.x-scala2.13"}
    assert clusters.list_node_types().node_types
    assert api.client.current_user.me().user_name

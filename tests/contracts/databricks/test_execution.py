"""The execution of runs: dependencies, retries, time-outs, queue, wheels, logs, pages."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk.service import compute, jobs

from tests.support.databricks import JobsApi, python, results, task
from tests.support.waiting import wait_for


def test_run_if_decides_which_tasks_run(api: JobsApi) -> None:
    run = api.ended(
        api.submit(
            python("fine", "say.py"),
            python("bad", "fail.py"),
            python("handler", "say.py", after=("bad",), run_if=jobs.RunIf.AT_LEAST_ONE_FAILED),
            python("no_need", "say.py", after=("fine",), run_if=jobs.RunIf.ALL_FAILED),
            python("always", "say.py", after=("fine", "bad"), run_if=jobs.RunIf.ALL_DONE),
            python("some", "say.py", after=("fine", "bad"), run_if=jobs.RunIf.AT_LEAST_ONE_SUCCESS),
            python("none_bad", "say.py", after=("fine", "no_need"), run_if=jobs.RunIf.NONE_FAILED),
        )
    )
    assert results(run) == {
        "fine": "SUCCESS",
        "bad": "FAILED",
        "handler": "SUCCESS",
        "no_need": "EXCLUDED",
        "always": "SUCCESS",
        "some": "SUCCESS",
        "none_bad": "SUCCESS",
    }
    assert run.state.result_state is jobs.RunResultState.SUCCESS_WITH_FAILURES


@pytest.mark.parametrize(
    ("file", "error"),
    [
        ("exit3.py", "SystemExit: 3"),
        ("kill.py", "The task's process was ended by SIGKILL"),
        ("missing.py", "FileNotFoundError: Cannot read the python file /Workspace/missing.py"),
    ],
)
def test_every_kind_of_failure_is_reported(api: JobsApi, file: str, error: str) -> None:
    run = api.ended(api.submit(python("a", file)))
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert (api.output(run, "a").error or "").startswith(error)


def test_a_failed_task_is_retried(api: JobsApi, tmp_path: Path) -> None:
    run = api.ended(api.submit(python("a", "once.py", str(tmp_path / "been"), max_retries=2)))
    assert run.state.result_state is jobs.RunResultState.SUCCESS
    assert [t.attempt_number for t in run.tasks or []] == [0, 1]


def test_a_task_and_a_run_time_out(api: JobsApi, tmp_path: Path) -> None:
    never = str(tmp_path / "never")
    of_task = api.submit(python("a", "hold.py", never, timeout_seconds=1))
    of_run = api.submit(
        python("a", "hold.py", never), python("b", "say.py", after=("a",)), timeout_seconds=1
    )
    assert results(api.ended(of_task)) == {"a": "TIMEDOUT"}
    run = api.ended(of_run)
    assert run.state.result_state is jobs.RunResultState.TIMEDOUT
    assert results(run)["a"] == "TIMEDOUT"


def test_a_run_is_cancelled_although_a_task_has_failed(api: JobsApi, tmp_path: Path) -> None:
    never = tmp_path / "never"
    run_id = api.submit(
        python("bad", "fail.py"),
        python("long", "hold.py", str(never)),
        python("after", "say.py", after=("long",)),
    )
    wait_for(
        "the one task to fail and the other to run",
        lambda: (
            never.with_suffix(".held").exists()
            and results(api.jobs.get_run(run_id)) == {"bad": "FAILED"}
        ),
    )
    api.jobs.cancel_run(run_id)
    run = api.ended(run_id)
    assert results(run) == {"bad": "FAILED", "long": "CANCELED", "after": "CANCELED"}
    assert run.state.result_state is jobs.RunResultState.CANCELED
    assert run.state.state_message == "Run cancelled."
    assert run.state.user_cancelled_or_timedout


def test_runs_wait_for_slots_and_the_queue_is_bounded(
    start_api: Callable[..., JobsApi], tmp_path: Path
) -> None:
    api = start_api(DATABRICKS_SLOTS="1", DATABRICKS_QUEUE="2")
    go = tmp_path / "go"
    first = api.submit(python("a", "hold.py", str(go)))
    wait_for("the first run", lambda: go.with_suffix(".held").exists())
    waiting = [
        api.submit(python("a", "say.py"), queue=jobs.QueueSettings(enabled))
        for enabled in (True, False)
    ]
    states = [api.jobs.get_run(run).state.life_cycle_state.value for run in waiting]
    assert states == ["QUEUED", "PENDING"]
    response = api.call(
        "POST", "/api/2.2/jobs/runs/submit", {"spark_python_task": {"python_file": "/say.py"}}
    )
    assert (response.status, response.json["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert response.headers["retry-after"]
    api.jobs.cancel_run(waiting[0])
    assert api.ended(waiting[0]).state.result_state is jobs.RunResultState.CANCELED
    go.touch()
    ends = [api.ended(run) for run in (first, waiting[1])]
    assert {run.state.result_state.value for run in ends} == {"SUCCESS"}
    assert ends[0].tasks[0].end_time <= ends[1].tasks[0].start_time


def test_runs_of_a_job_wait_for_earlier_ones_also_after_a_restart(
    start_api: Callable[..., JobsApi], tmp_path: Path
) -> None:
    api = start_api(DATABRICKS_QUEUE="3")
    go = tmp_path / "go"
    job_id = api.jobs.create(
        name="turns",
        queue=jobs.QueueSettings(enabled=True),
        tasks=[task("a", "hold.py", str(go))],
    ).job_id
    runs = [api.jobs.run_now(job_id).run_id for _ in range(4)]
    response = api.call("POST", "/api/2.2/jobs/run-now", {"job_id": job_id})
    assert (response.status, response.json["error_code"]) == (429, "REQUEST_LIMIT_EXCEEDED")
    states = {run: api.jobs.get_run(run).status for run in runs[1:]}
    assert {s.queue_details.code.value for s in states.values()} == {"MAX_CONCURRENT_RUNS_REACHED"}
    wait_for("the first run", lambda: go.with_suffix(".held").exists())

    api.kill()
    go.with_suffix(".held").unlink()
    api.start()
    wait_for("the second run", lambda: go.with_suffix(".held").exists())
    states = [api.jobs.get_run(run).state.life_cycle_state.value for run in runs]
    assert states == ["INTERNAL_ERROR", "RUNNING", "QUEUED", "QUEUED"]
    api.jobs.cancel_all_runs(job_id=job_id, all_queued_runs=True)
    assert {api.ended(run).state.result_state.value for run in runs[2:]} == {"CANCELED"}
    go.touch()
    assert api.ended(runs[1]).state.result_state is jobs.RunResultState.SUCCESS


def wheel(folder: Path) -> None:
    """A wheel with one module, and an entry point in its metadata."""
    info = "numbers_of-1.0.dist-info"
    code = "import sys\n\ndef main():\n    print('called', *sys.argv[1:])\n    return 0\n"
    with zipfile.ZipFile(folder / "numbers_of-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("numbers_of/__init__.py", code)
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: numbers-of\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/entry_points.txt", "[console_scripts]\ncount = numbers_of:main\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.mark.parametrize("entry", [("numbers-of", "count"), ("numbers_of", "main")])
def test_a_wheel_is_called(api: JobsApi, entry: tuple[str, str]) -> None:
    wheel(api.workspace)
    called = jobs.SubmitTask(
        task_key="a",
        python_wheel_task=jobs.PythonWheelTask(*entry, named_parameters={"n": "{{task.name}}"}),
        libraries=[compute.Library(whl="/Workspace/numbers_of-1.0-py3-none-any.whl")],
    )
    run = api.ended(api.submit(called))
    assert api.output(run, "a").logs == "called --n=a\n"


def test_a_missing_library_is_named(api: JobsApi) -> None:
    library = compute.Library(pypi=compute.PythonPyPiLibrary("no-such-package==1"))
    run = api.ended(api.submit(python("a", "say.py", libraries=[library])))
    assert "Library installation failed for no-such-package==1" in run.state.state_message


def test_a_task_has_the_variables_of_its_cluster_and_not_the_token(api: JobsApi) -> None:
    cluster = compute.ClusterSpec(spark_env_vars={"A": "it's {{job.id}}"}, num_workers=0)
    run = api.ended(api.submit(python("a", "environment.py", new_cluster=cluster)))
    assert api.output(run, "a").logs == "\nit's {{job.id}}\n"


def test_a_log_is_bounded(start_api: Callable[..., JobsApi]) -> None:
    api = start_api(DATABRICKS_LOG_BYTES="50000", DATABRICKS_KEEP_RUNS="2")
    run = api.ended(api.submit(python("a", "flood.py")))
    output = api.output(run, "a")
    assert output.logs_truncated
    assert len(output.logs or "") == 50_000
    assert (output.logs or "").endswith("000039999\n")
    folder = api.attempt(run.tasks[0].run_id)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 110_000
    # The oldest runs are deleted with their logs.
    for _ in range(2):
        api.ended(api.submit(python("a", "say.py")))
    wait_for("the oldest run to be forgotten", lambda: not folder.exists())
    response = api.call("GET", "/api/2.2/jobs/runs/get", None, {"run_id": run.run_id})
    assert response.json["message"] == f"Run {run.run_id} does not exist."


def test_the_page_of_a_run_shows_tasks_parameters_and_log(api: JobsApi) -> None:
    run = api.ended(api.submit(python("shown", "say.py", "<b>bold</b>"), run_name="<i>name</i>"))
    path = run.run_page_url.removeprefix(api.url)
    page = api.call("GET", path, token=None)
    text = page.body.decode()
    assert (page.status, page.media) == (200, "text/html; charset=utf-8")
    assert "&lt;i&gt;name&lt;/i&gt;" in text
    assert "<b>bold</b>" not in text
    assert text.count("&lt;b&gt;bold&lt;/b&gt;") == 2
    assert "SUCCESS" in text
    assert f"/runs/{run.run_id}" in api.call("GET", "/", token=None).body.decode()
    assert api.call("GET", "/jobs/1/runs/2000000", token=None).status == 404
    task_run = run.tasks[0].run_id
    assert api.call("GET", f"/runs/{task_run}", token=None).headers["location"] == run.run_page_url
    assert api.call("GET", f"/runs/{task_run}/log", token=None).body == b"<b>bold</b>\n"

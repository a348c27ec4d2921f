"""Kill, stop and restart of the service: no run is lost, none stays active without end."""

from collections.abc import Callable
from pathlib import Path

import pytest
from databricks.sdk.service import jobs

from tests.support.databricks import JobsApi, lives, python, results
from tests.support.waiting import wait_for


@pytest.mark.parametrize("end", [JobsApi.kill, JobsApi.stop], ids=["kill -9", "SIGTERM"])
def test_runs_outlive_the_service(
    start_api: Callable[..., JobsApi], tmp_path: Path, end: Callable[[JobsApi], object]
) -> None:
    api = start_api(DATABRICKS_SLOTS="1")
    done = api.submit(python("a", "say.py", "kept"), idempotency_token="done")
    api.ended(done)
    pid = tmp_path / "pid"
    active = api.submit(
        python("a", "tree.py", str(pid)),
        python("b", "say.py", after=("a",)),
        idempotency_token="active",
    )
    wait_for("the deepest process", lambda: pid.exists() and pid.read_text())
    waiting = api.submit(python("a", "say.py", "later"))
    sockets = (api.data / "sockets").readlink()
    assert sockets.is_dir()
    end(api)
    api.start()
    assert not sockets.exists()
    run = api.ended(active)
    assert run.state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR
    assert run.state.result_state is jobs.RunResultState.FAILED
    assert "was stopped while the run was active" in run.state.state_message
    assert results(run)["a"] == "FAILED"
    assert "was stopped" in (api.output(run, "a").error or "")
    assert not lives(int(pid.read_text()))
    # The tokens are stored: a repeated token returns the same run.
    assert api.submit(python("a", "say.py"), idempotency_token="active") == active
    assert api.submit(python("a", "say.py"), idempotency_token="done") == done
    assert api.output(api.ended(done), "a").logs == "kept\n"
    # A run without a started task runs after the restart.
    later = api.ended(waiting)
    assert later.state.result_state is jobs.RunResultState.SUCCESS
    assert api.output(later, "a").logs == "later\n"


def test_a_repair_reruns_tasks_that_a_restart_has_ended(
    start_api: Callable[..., JobsApi], tmp_path: Path
) -> None:
    api = start_api()
    go = tmp_path / "go"
    run_id = api.submit(python("a", "hold.py", str(go)), python("b", "say.py", after=("a",)))
    wait_for("the run", lambda: go.with_suffix(".held").exists())
    api.kill()
    go.touch()
    api.start()
    api.ended(run_id)
    api.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    run = api.ended(run_id)
    assert results(run) == {"a": "SUCCESS", "b": "SUCCESS"}
    assert run.state.result_state is jobs.RunResultState.SUCCESS


def test_the_service_does_not_start_without_a_token(tmp_path: Path) -> None:
    api = JobsApi(tmp_path, DATABRICKS_TOKEN="")
    with pytest.raises(AssertionError, match="DATABRICKS_TOKEN is not set"):
        api.start()


def test_health_reports_what_is_missing(tmp_path: Path) -> None:
    api = JobsApi(tmp_path, DATABRICKS_PATH=str(tmp_path))
    try:
        with pytest.raises(AssertionError, match="waited"):
            api.start(limit=0)
        reason = "DATABRICKS_PATH: there is no python"
        wait_for("the reason", lambda: reason in api.health().stderr)
    finally:
        api.stop()

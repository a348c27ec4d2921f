"""Moments without space on the disk: no run is lost, none stays active, no slot stays occupied."""

import asyncio
import json
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from databricks.sdk.service import jobs
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from services.databricks.engine.execution import ATTEMPTS
from services.databricks.engine.log import BoundedLog
from services.databricks.store.database import RETRY_SECONDS, Database, Job, StateError
from tests.support.databricks import JobsApi, notebook, python, results
from tests.support.waiting import wait_for

TASK = {"task_key": "a", "spark_python_task": {"python_file": "/say.py"}}
UNLIMITED = resource.RLIM_INFINITY

pytestmark = pytest.mark.slow


@contextmanager
def without_space(api: JobsApi) -> Iterator[None]:
    """Let every write of the service to a file fail, as on a full disk, without one's rights."""
    assert api.process is not None
    resource.prlimit(api.process.pid, resource.RLIMIT_FSIZE, (0, UNLIMITED))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(api.process.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))


def cancelled(api: JobsApi, run_id: int) -> int:
    """The status of a request to cancel a run."""
    return api.call("POST", "/api/2.1/jobs/runs/cancel", {"run_id": run_id}).status


@pytest.mark.parametrize("cancel", [False, True], ids=["ended", "cancelled"])
def test_a_run_survives_a_moment_without_space(
    start_api: Callable[..., JobsApi], tmp_path: Path, cancel: bool
) -> None:
    api = start_api(DATABRICKS_SLOTS="1")
    (api.workspace / "loud.py").write_text(
        "import pathlib, sys, time\n"
        "p = pathlib.Path(sys.argv[1]); p.with_suffix('.held').touch()\n"
        "while not p.exists(): print('x' * 10_000, flush=True); time.sleep(0.01)\n"
    )
    go = tmp_path / "go"
    run_id = api.submit(python("a", "loud.py", str(go)), python("b", "say.py", "b", after=("a",)))
    waiting = api.submit(python("a", "say.py", "later"))
    wait_for("the run", lambda: go.with_suffix(".held").exists())
    with without_space(api):
        wait_for("the health check to fail", lambda: "state: " in api.health().stderr)
        refused = api.call("POST", "/api/2.1/jobs/create", {"name": "a", "tasks": [TASK]})
        assert (refused.status, refused.json["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        if cancel:
            assert cancelled(api, run_id) == 503
        go.touch()
        assert api.jobs.get_run(run_id).state.life_cycle_state.value == "RUNNING"
    run = api.ended(run_id)
    if cancel:
        assert run.state.result_state is jobs.RunResultState.CANCELED
    else:
        assert results(run) == {"a": "SUCCESS", "b": "SUCCESS"}
    assert api.output(api.ended(waiting), "a").logs == "later\n"
    assert api.health().returncode == 0


def test_a_notebook_goes_on_without_space(
    start_api: Callable[..., JobsApi], tmp_path: Path
) -> None:
    api = start_api()
    go = tmp_path / "go"
    (api.workspace / "book.py").write_text(
        "# Databricks notebook source\nimport pathlib, time\n"
        f"p = pathlib.Path({str(go)!r}); p.with_suffix('.held').touch()\n"
        "while not p.exists(): print('x'); time.sleep(0.05)\n"
        "# COMMAND ----------\nprint('the end')\n"
    )
    run_id = api.submit(notebook("a", "/book"))
    wait_for("the run", lambda: go.with_suffix(".held").exists())
    with without_space(api):
        # The service's own log has no space either, so the version of the file is the fact.
        folder = api.attempt(api.jobs.get_run(run_id).tasks[0].run_id)
        wait_for("a version that is not written", lambda: (folder / "notebook.new").exists())
    go.touch()
    run = api.ended(run_id)
    assert results(run) == {"a": "SUCCESS"}
    assert "the end" in json.dumps(api.cells(run, "a"))


def test_a_disk_that_is_full(start_api: Callable[..., JobsApi], tmp_path: Path) -> None:
    """A small file system of its own, filled up and freed, as root."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounts a file system, which only root may do")
    try:
        with JobsApi(disk, DATABRICKS_SLOTS="1") as api:
            go = tmp_path / "go"
            first = api.submit(python("a", "hold.py", str(go)))
            wait_for("the run", lambda: go.with_suffix(".held").exists())
            filler = disk / "filler"
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(b"x" * 4096):
                    pass
            wait_for("refused", lambda: refused(api))
            go.touch()
            filler.unlink()
            assert results(api.ended(first)) == {"a": "SUCCESS"}
            assert results(api.ended(api.submit(python("a", "say.py")))) == {"a": "SUCCESS"}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def refused(api: JobsApi) -> bool:
    """Whether a job can't be stored."""
    body = {"name": "x" * 3000, "tasks": [TASK]}
    return api.call("POST", "/api/2.1/jobs/create", body).status == 503


def test_output_that_finds_no_space_is_counted(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path, 1000)
    (tmp_path / "log").symlink_to("/dev/full")
    log.write(b"a" * 100)
    log.write(b"b" * 50)
    (tmp_path / "log").unlink()
    log.write(b"c\n")
    assert log.last() == ("\n[150 bytes are lost: the disk was full]\nc\n", False)
    log.write(b"d\n")
    assert log.last()[0].endswith("]\nc\nd\n")


def test_a_log_keeps_its_bound(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path, 1000)
    for _ in range(100):
        log.write(b"x" * 300)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000
    assert log.last() == ("x" * 900, True) or len(log.last()[0]) == 1000


def test_messages_that_find_no_space_stop_nothing(tmp_path: Path) -> None:
    api = JobsApi(tmp_path)
    api.log = Path("/dev/full")
    with api:
        broken = {**TASK, "libraries": [{"whl": "/missing.whl"}]}
        run_id = api.call("POST", "/api/2.1/jobs/runs/submit", {"tasks": [broken]}).json["run_id"]
        assert api.ended(run_id).state.result_state is jobs.RunResultState.FAILED


@pytest.mark.parametrize("damage", ["cut", "empty", "no database"])
def test_a_damaged_state_stops_the_start_by_name(
    start_api: Callable[..., JobsApi], damage: str
) -> None:
    api = start_api()
    for number in range(20):
        api.call("POST", "/api/2.1/jobs/create", {"name": str(number) * 2000, "tasks": [TASK]})
    assert api.stop() == 0
    state = api.data / "state.db"
    whole = state.read_bytes()
    state.write_bytes({"cut": whole[: len(whole) // 2], "empty": b""}.get(damage, b"x" * 5000))
    with pytest.raises(AssertionError, match=r"state\.db with the jobs and runs can't be used: "):
        api.start()
    assert "move it and the files with its name away" in api.log.read_text()
    assert "Traceback" not in api.log.read_text()
    state.unlink()
    (api.data / "state.db-wal").write_bytes(b"of the old file")
    api.start()
    assert list(api.jobs.list()) == []


def test_a_service_without_space_can_be_stopped(
    start_api: Callable[..., JobsApi], tmp_path: Path
) -> None:
    api = start_api()
    run_id = api.submit(python("a", "hold.py", str(tmp_path / "go")))
    wait_for("the run", lambda: (tmp_path / "go.held").exists())
    with without_space(api):
        assert api.stop(60) == 0
    api.start()
    assert api.ended(run_id).state.life_cycle_state is jobs.RunLifeCycleState.INTERNAL_ERROR


def test_a_transaction_waits_for_space(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    database = Database(tmp_path / "state.db")

    def limit(pages: int) -> None:
        with database.work() as session:  # the one connection of the pool
            session.execute(text(f"PRAGMA max_page_count = {pages}"))

    def store(session: Session) -> int:
        session.add(Job(settings={"text": "x" * 100_000}))
        return 1

    limit(1)
    with pytest.raises(StateError, match="state: database or disk is full"), database.work() as one:
        store(one)

    async def wait() -> int:
        asyncio.get_running_loop().call_later(RETRY_SECONDS * 1.5, limit, 1_000_000)
        return await database.stored(store)

    assert asyncio.run(wait()) == 1
    assert capsys.readouterr().err == "state: database or disk is full; trying again\n"
    with database.work() as session:
        assert session.scalar(select(func.count(Job.job_id))) == 1
    database.close()


def test_attempts_of_a_run_are_bounded(start_api: Callable[..., JobsApi]) -> None:
    api = start_api()
    endless = {**TASK, "max_retries": -1}
    endless["spark_python_task"] = {"python_file": "/exit3.py"}
    run_id = api.call("POST", "/api/2.1/jobs/runs/submit", {"tasks": [endless]}).json["run_id"]

    def attempts() -> list[jobs.RunTask]:
        return list(api.jobs.get_run(run_id).tasks or [])

    first = attempts()[0].run_id
    wait_for("retries", lambda: attempts()[-1].attempt_number > ATTEMPTS + 5, 60)
    assert len(attempts()) <= ATTEMPTS + 1
    assert attempts()[0].run_id == first
    assert cancelled(api, run_id) == 200
    api.ended(run_id)
    folders = [path for path in (api.data / "tasks").iterdir() if path.name.isdecimal()]
    assert len(folders) <= ATTEMPTS
    assert api.attempt(first).exists()


def test_an_ended_attempt_keeps_its_log_alone(start_api: Callable[..., JobsApi]) -> None:
    api = start_api()
    (api.workspace / "leave.py").write_text(
        "import os, pathlib\n"
        "folder = pathlib.Path(os.environ['DATABRICKS_TASK'])\n"
        "(folder / 'libraries').mkdir(); (folder / 'libraries/large').write_text('x')\n"
        "(folder / 'other').write_text('x'); print('done')\n"
    )
    run = api.ended(api.submit(python("a", "leave.py")))
    folder = api.attempt(run.tasks[0].run_id)
    assert {path.name for path in folder.iterdir()} == {"task.json", "log", "outcome.json"}
    orphan = api.attempt(999_999)
    orphan.mkdir()
    assert api.stop() == 0
    api.start()
    assert not orphan.exists()
    assert api.output(run, "a").logs == "done\n"

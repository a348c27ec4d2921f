"""Rows of the database as the JSON of the API."""

from typing import Any

from services.databricks.engine.states import LifeCycle, Result
from services.databricks.store.database import Attempt, Job, Run, _State, now

USER = "jobs-api@localhost"
"""Creator of every job and run, as the service has only one token."""
PAGE = 100
"""Maximum number of items of a list in one response; ``next_page_token`` leads to the next ones."""
AWAITS_SLOT = "Waiting for a slot: as many tasks run as may run at a time."
AWAITS_TURN = "Waiting for earlier runs of the job: as many are active as may be at a time."
SINGLE_TASK, MULTI_TASK = "SINGLE_TASK", "MULTI_TASK"
"""Formats of jobs and runs: API 2.0 has the fields of the only task outside of ``tasks``."""
_QUEUES = {
    AWAITS_SLOT: "ACTIVE_RUNS_LIMIT_REACHED",
    AWAITS_TURN: "MAX_CONCURRENT_RUNS_REACHED",
}

_STATUS = {
    LifeCycle.WAITING_FOR_RETRY: "WAITING",
    LifeCycle.SKIPPED: "TERMINATED",
    LifeCycle.INTERNAL_ERROR: "TERMINATED",
}


def state(row: _State) -> dict[str, Any]:
    """``state`` of API 2.1."""
    view: dict[str, Any] = {
        "life_cycle_state": row.life_cycle,
        "state_message": row.message,
        "user_cancelled_or_timedout": row.result in (Result.CANCELED, Result.TIMEDOUT),
    }
    if row.result:
        view["result_state"] = row.result
    if row.life_cycle == LifeCycle.QUEUED:
        view["queue_reason"] = row.message
    return view


def status(row: _State) -> dict[str, Any]:
    """``status`` of API 2.2."""
    life_cycle = LifeCycle(row.life_cycle)
    view: dict[str, Any] = {"state": _STATUS.get(life_cycle, life_cycle)}
    if life_cycle is LifeCycle.QUEUED:
        view["queue_details"] = {"code": _QUEUES.get(row.message), "message": row.message}
    if row.code:
        fine = row.result in (Result.SUCCESS, Result.SUCCESS_WITH_FAILURES)
        kind = "INTERNAL_ERROR" if row.code == "INTERNAL_ERROR" else "CLIENT_ERROR"
        view["termination_details"] = {
            "code": row.code,
            "type": "SUCCESS" if fine else kind,
            "message": row.message,
        }
    return view


def job(row: Job, expand: bool = True, start: int = 0) -> dict[str, Any]:
    """A job; without ``expand`` its settings lack the tasks."""
    settings = {
        "max_concurrent_runs": 1,
        "timeout_seconds": 0,
        "email_notifications": {},
        "format": MULTI_TASK,
        **row.settings,
    }
    settings.pop("access_control_list", None)
    more = _cut_lists(settings, start)
    if not expand:
        for name in ("tasks", "job_clusters"):
            settings.pop(name, None)
    return {
        "job_id": row.job_id,
        "creator_user_name": USER,
        "run_as_user_name": USER,
        "created_time": row.created_time,
        "settings": settings,
        **more,
    }


def run(
    row: Run,
    url: str,
    expand: bool = True,
    history: bool = False,
    resolved: bool = False,
    start: int = 0,
) -> dict[str, Any]:
    """A run with the attempts at its tasks."""
    view = _common(row, url) | {
        "original_attempt_run_id": row.run_id,
        "run_duration": _duration(row),
        "job_clusters": row.settings.get("job_clusters", []),
        "job_parameters": row.parameters,
        "tasks": [attempt(item, url, resolved) for item in row.attempts],
    }
    if row.overriding:
        view["overriding_parameters"] = row.overriding
    if history:
        view["repair_history"] = _history(row)
    view |= _cut_lists(view, start)
    if not expand:
        del view["tasks"], view["job_clusters"]
    return view


def attempt(row: Attempt, url: str, resolved: bool = False) -> dict[str, Any]:
    """An attempt at a task, as an item of the tasks of its run."""
    view = {
        "run_if": "ALL_SUCCESS",
        **row.task,
        "run_id": row.run_id,
        "attempt_number": row.number,
        "run_page_url": f"{page_url(row.run, url)}#{row.task_key}",
        "state": state(row),
        "status": status(row),
        **_times(row),
    }
    if resolved and row.resolved:
        view["resolved_values"] = row.resolved
    return view


def task_run(row: Attempt, url: str) -> dict[str, Any]:
    """An attempt in the form of a run: ``jobs/runs/get`` with the id of the attempt."""
    return _common(row, url) | {
        "original_attempt_run_id": row.original,
        "attempt_number": row.number,
        "run_name": row.task_key,
        "tasks": [attempt(row, url)],
    }


def repair_entry(row: Run) -> dict[str, Any]:
    """The state of a run or of its latest repair: one entry of ``repairs``."""
    return {
        "id": row.repair_id,
        "end_time": row.end_time,
        "state": state(row),
        "status": status(row),
    }


def in_format_of(version: str, response: dict[str, Any]) -> dict[str, Any]:
    """The response to a call of an API version: above 2.0, every job and run is MULTI_TASK."""
    listed = (*response.get("jobs", ()), *response.get("runs", ()))
    for item in (response, response.get("metadata", {}), *listed):
        settings = item.get("settings", item)
        if settings.get("format") != SINGLE_TASK:
            continue
        if version != "2.0":
            settings["format"] = MULTI_TASK
        elif settings is not item:
            item["settings"] = single_task_settings(settings)
        else:
            task = item.pop("tasks")[-1]
            cluster = ("existing_cluster_id", "new_cluster", "libraries")
            item["task"] = {k: v for k, v in task.items() if k.endswith("_task")}
            item["cluster_spec"] = {name: task[name] for name in cluster if name in task}
    return response


def single_task_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a job as API 2.0 has them."""
    if settings.get("format") != SINGLE_TASK:
        return dict(settings)
    task = {name: value for name, value in settings["tasks"][0].items() if name != "task_key"}
    return {name: value for name, value in settings.items() if name != "tasks"} | task


def page_url(row: Run, url: str) -> str:
    """URL of the page of a run."""
    return f"{url}/jobs/{row.job_id}/runs/{row.run_id}"


def _common(row: Run | Attempt, url: str) -> dict[str, Any]:
    return {
        "job_id": row.run.job_id,
        "creator_user_name": USER,
        "run_id": row.run_id,
        "number_in_job": row.run_id,
        "job_run_id": row.run.run_id,
        "run_name": row.run.name,
        "run_page_url": page_url(row.run, url),
        "run_type": row.run.run_type,
        "format": row.run.settings.get("format", MULTI_TASK),
        "trigger": "ONE_TIME",
        "state": state(row),
        "status": status(row),
        **_times(row),
        "start_time": row.start_time or row.created_time,
    }


def _times(row: _State) -> dict[str, int]:
    return {
        "start_time": row.start_time,
        "end_time": row.end_time,
        "setup_duration": 0,
        "execution_duration": _duration(row) if row.start_time else 0,
        "cleanup_duration": 0,
        "queue_duration": max((row.start_time or row.end_time or now()) - row.created_time, 0),
    }


def _duration(row: _State) -> int:
    return (row.end_time or now()) - (row.start_time or row.created_time)


def _history(row: Run) -> list[dict[str, Any]]:
    """The original run and its repairs; the newest has the state of the run itself."""
    items = []
    for number, item in enumerate([*row.repairs, repair_entry(row)]):
        attempts = [a for a in row.attempts if a.repair_id == item["id"]]
        view = item | {
            "type": "REPAIR" if number else "ORIGINAL",
            "start_time": min((a.created_time for a in attempts), default=row.created_time),
            "task_run_ids": [a.run_id for a in attempts],
        }
        if not number:
            del view["id"]
        items.append(view)
    return items


def _cut_lists(view: dict[str, Any], start: int) -> dict[str, Any]:
    """Cut the lists of ``view`` to a page; return the fields that lead to the next page."""
    more = False
    for name in ("tasks", "job_clusters", "parameters", "job_parameters", "repair_history"):
        if name in view:
            more |= len(view[name]) > start + PAGE
            view[name] = view[name][start : start + PAGE]
    return {"has_more": True, "next_page_token": str(start + PAGE)} if more else {}

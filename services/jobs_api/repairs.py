"""Runs some tasks of an ended run again: ``jobs/runs/repair``."""

from __future__ import annotations

from services.jobs_api import bodies, views
from services.jobs_api.bodies import read
from services.jobs_api.database import Attempt, new_id
from services.jobs_api.errors import ApiError, Code, invalid
from services.jobs_api.jobs import Answer
from services.jobs_api.parameters import merged
from services.jobs_api.parts import Parts
from services.jobs_api.rows import latest, next_attempt, whole_run
from services.jobs_api.scheduler import Scheduler, together
from services.jobs_api.states import UNSUCCESSFUL, LifeCycle
from services.jobs_api.tasks import Task, downstream


class Repairs:
    """The handler."""

    def __init__(self, parts: Parts, scheduler: Scheduler) -> None:
        self._database, self._scheduler = parts.database, scheduler

    async def repair(self, request: Answer) -> Answer:
        form = read(request, bodies.Repair)
        overriding = form.given()
        given = overriding.pop("job_parameters", {})
        with self._database.work() as session:
            run = whole_run(session, form.run_id)
            if not run.ended:
                raise ApiError(Code.INVALID_STATE, f"Run {run.run_id} is active, not repairable.")
            rows = latest(session, run.run_id)
            last = max((row.repair_id for row in rows.values()), default=0)
            if last and form.latest_repair_id != last:
                raise invalid(f"latest_repair_id must be {last}, the latest repair of the run.")
            keys = _wanted(form, rows)
            self._scheduler.admit(self._scheduler.active_runs(run.job_id) >= together(run))
            repair_id = new_id(session)
            for key in keys:
                next_attempt(session, rows[key], repair_id)
            ended = {"state": views.state(run), "status": views.status(run)}
            run.repairs = [*run.repairs, {"id": last, "end_time": run.end_time, **ended}]
            if given:
                old = {item["name"]: item["value"] for item in run.parameters if "value" in item}
                run.parameters = merged(run.settings.get("parameters", []), old | given)
            run.overriding = run.overriding | overriding
            run.life_cycle, run.result, run.code = LifeCycle.PENDING, None, None
            run.message, run.end_time = "", 0
        self._scheduler.start(run.run_id, run.job_id, together(run))
        return {"repair_id": repair_id}


def _wanted(form: bodies.Repair, rows: dict[str, Attempt]) -> set[str]:
    """Keys of the tasks to run again."""
    if form.rerun_all_failed_tasks == bool(form.rerun_tasks):
        raise invalid("Exactly one of rerun_tasks and rerun_all_failed_tasks must be given")
    for key in form.rerun_tasks:
        if key not in rows:
            raise invalid(f"Task '{key}' does not exist.")
    keys = set(form.rerun_tasks)
    if form.rerun_all_failed_tasks:
        keys = {key for key, row in rows.items() if row.result in UNSUCCESSFUL}
    if not keys:
        raise invalid("The run has no failed task to repair.")
    if form.rerun_dependent_tasks:
        tasks = {key: read(row.task, Task) for key, row in rows.items()}
        keys = downstream(tasks, keys)
    return keys

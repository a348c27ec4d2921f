"""The calls that start, show, stop and delete runs."""

import asyncio
from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.databricks.api import bodies, views
from services.databricks.api.bodies import read
from services.databricks.api.errors import ApiError, Code, invalid
from services.databricks.api.jobs import Json, checked_settings, job_of, page
from services.databricks.api.parameters import run_parameters
from services.databricks.api.permissions import access_list
from services.databricks.api.tasks import Task, downstream
from services.databricks.context import ServiceContext
from services.databricks.engine.scheduler import Scheduler
from services.databricks.engine.states import (
    ACTIVE,
    CODES,
    TERMINAL,
    UNSUCCESSFUL,
    LifeCycle,
    Result,
)
from services.databricks.store.database import Attempt, Run, new_id, run_of, whole_run

LIMIT = 25
"""Maximum number of runs in one response."""


class Runs:
    """The handlers."""

    def __init__(self, context: ServiceContext, scheduler: Scheduler) -> None:
        self._database, self._workspace = context.database, context.workspace
        self._task_runner = context.task_runner
        self._url = context.settings.databricks_host
        self._scheduler = scheduler

    async def submit(self, request: Json) -> Json:
        token = read(request, _Token).idempotency_token
        settings = checked_settings(request, self._workspace) | access_list(request)
        with self._database.work() as session:
            if existing := self._by_token(session, token):
                return {"run_id": existing}
            run_id = new_id(session)
            run = Run(
                run_id=run_id,
                job_id=run_id,
                name=str(settings.get("run_name") or "Untitled"),
                run_type="SUBMIT_RUN",
                settings=settings,
                idempotency_token=token or None,
            )
            self._add(session, run, 1)
        self._scheduler.start(run, 1)
        return {"run_id": run.run_id}

    async def run_now(self, request: Json) -> Json:
        form = read(request, bodies.RunNow)
        overriding = form.non_empty()
        with self._database.work() as session:
            if existing := self._by_token(session, form.idempotency_token):
                return {"run_id": existing, "number_in_job": existing}
            job = job_of(session, form.job_id)
            given = overriding.pop("job_parameters", {})
            run = Run(
                run_id=new_id(session),
                job_id=job.job_id,
                name=job.name,
                run_type="JOB_RUN",
                settings=job.settings,
                parameters=run_parameters(job.settings.get("parameters", []), given),
                overriding=overriding,
                idempotency_token=form.idempotency_token or None,
            )
            max_concurrent = int(job.settings.get("max_concurrent_runs", 1))
            self._add(session, run, max_concurrent, form.queue, form.only)
        if not run.ended:
            self._scheduler.start(run, max_concurrent)
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    async def repair(self, request: Json) -> Json:
        """Run some tasks of an ended run again."""
        form = read(request, bodies.Repair)
        overriding = form.non_empty()
        given = overriding.pop("job_parameters", {})
        with self._database.work() as session:
            run = whole_run(session, form.run_id)
            if not run.ended:
                raise ApiError(Code.INVALID_STATE, f"Run {run.run_id} is active, not repairable.")
            rows, last, active = run.latest, run.repair_id, self._scheduler.active_runs(run.job_id)
            if last and form.latest_repair_id != last:
                raise invalid(f"latest_repair_id must be {last}, the latest repair of the run.")
            keys = _keys_to_repair(form, rows)
            self._scheduler.admit(len(active) >= run.max_concurrent)
            run.repairs = [*run.repairs, views.repair_entry(run)]
            repair_id = new_id(session)
            for key in keys:
                rows[key].follow(session, repair_id)
            if given:
                old = {item["name"]: item["value"] for item in run.parameters if "value" in item}
                run.parameters = run_parameters(run.settings.get("parameters", []), old | given)
            run.overriding = run.overriding | overriding
            run.life_cycle, run.result, run.code = LifeCycle.PENDING, None, None
            run.message, run.end_time = "", 0
        self._scheduler.start(run, run.max_concurrent)
        return {"repair_id": repair_id}

    async def get(self, request: Json) -> Json:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            found = run_of(session, form.run_id)
            if isinstance(found, Attempt):
                return views.task_run(found, self._url)
            return views.run(
                found,
                self._url,
                history=form.include_history,
                resolved=form.include_resolved_values,
                start=bodies.page_start(form.page_token),
            )

    async def get_output(self, request: Json) -> Json:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            found = run_of(session, form.run_id)
            if isinstance(found, Run):
                if len(found.latest) != 1:
                    raise invalid(
                        "Retrieving the output of runs with multiple tasks is not supported. "
                        "Please retrieve the output of each individual task run instead."
                    )
                metadata, row = views.run(found, self._url), found.attempts[-1]
            else:
                metadata, row = views.task_run(found, self._url), found
        response: Json = {"metadata": metadata}
        if row.error:
            response |= {"error": row.error, "error_trace": row.error_trace or ""}
        if row.task.get("notebook_task"):
            result = {"result": row.notebook_result or "", "truncated": row.notebook_truncated}
            return response | {"notebook_output": result}
        logs, truncated = await asyncio.to_thread(self._task_runner.log(row.run_id).last)
        return response | {"logs": logs, "logs_truncated": truncated}

    async def list_runs(self, request: Json) -> Json:
        form = read(request, bodies.ListRuns)
        if form.active_only and form.completed_only:
            raise invalid("active_only and completed_only can't both be true")
        conditions = (
            (form.active_only, Run.life_cycle.in_(ACTIVE)),
            (form.completed_only, Run.life_cycle.in_(TERMINAL)),
            (form.job_id is not None, Run.job_id == form.job_id),
            (form.run_type, Run.run_type == form.run_type),
        )
        query = select(Run).where(~Run.deleted, *(clause for used, clause in conditions if used))
        query = query.where(Run.created_time.between(form.start_time_from, form.start_time_to))
        query = query.order_by(Run.created_time.desc(), Run.run_id.desc())

        def view(row: Run) -> Json:
            return views.run(row, self._url, form.expand_tasks)

        with self._database.work() as session:
            return page(session, query, form, LIMIT, "runs", view)

    async def cancel(self, request: Json) -> Json:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            found = run_of(session, form.run_id)
            if not found.ended:
                self._scheduler.stop_run(found)
        return {}

    async def cancel_all(self, request: Json) -> Json:
        form = read(request, bodies.CancelAll)
        states = [LifeCycle.QUEUED] if form.all_queued_runs else ACTIVE
        query = select(Run).where(Run.life_cycle.in_(states))
        with self._database.work() as session:
            if form.job_id is not None:
                query = query.where(Run.job_id == job_of(session, form.job_id).job_id)
            elif not form.all_queued_runs:
                raise invalid("Missing required field: job_id")
            runs = session.scalars(query).all()
        for run in runs:
            self._scheduler.stop_run(run)
        return {}

    async def delete(self, request: Json) -> Json:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            run = whole_run(session, form.run_id)
            if not run.ended:
                raise ApiError(
                    Code.INVALID_STATE,
                    f"Run {run.run_id} is active ({run.life_cycle}). Cancel it first.",
                )
            run.deleted = True
            attempts = [row.run_id for row in run.attempts]
        for run_id in attempts:
            self._task_runner.forget(run_id)
        return {}

    def _by_token(self, session: Session, token: str) -> int | None:
        """Id of the run that was started with an idempotency token."""
        run = session.scalar(select(Run).where(Run.idempotency_token == token))
        if run and run.deleted:
            raise invalid(f"The run with idempotency token '{token}' was deleted.")
        return run.run_id if run else None

    def _add(
        self,
        session: Session,
        run: Run,
        max_concurrent: int,
        queue: bodies.QueueSettings | None = None,
        only: Sequence[str] = (),
    ) -> None:
        """Store a run with its tasks; skip it at ``max_concurrent`` active runs without a queue.

        A run that waits is QUEUED if the client enabled the queue, else PENDING: other clients do
        not expect QUEUED (Airflow's ``DatabricksWorkflowTaskGroup`` fails with it).
        """
        queue = queue or read(run.settings.get("queue") or {}, bodies.QueueSettings)
        full = len(self._scheduler.active_runs(run.job_id)) >= max_concurrent
        if full and not queue.enabled:
            result = Result.MAXIMUM_CONCURRENT_RUNS_REACHED
            message = "Run was skipped because the job has its maximum of active runs."
            run.end(LifeCycle.SKIPPED, result, message, CODES[result])
            session.add(run)
            return
        waits = self._scheduler.admit(full)
        run.life_cycle = LifeCycle.QUEUED if waits and queue.enabled else LifeCycle.PENDING
        if waits:
            run.message = views.AWAITS_TURN if full else views.AWAITS_SLOT
        session.add(run)
        for task in _selected(run.settings["tasks"], only):
            run_id = new_id(session)
            run.attempts.append(
                Attempt(
                    run_id=run_id,
                    task_key=task["task_key"],
                    original=run_id,
                    task=task,
                    life_cycle=LifeCycle.BLOCKED if task.get("depends_on") else run.life_cycle,
                    message=run.message,
                )
            )


class _Token(Struct):
    idempotency_token: bodies.Token = ""


def _selected(tasks: list[dict[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """The tasks that a request names; all tasks when it names none."""
    if not keys:
        return tasks
    existing = {task["task_key"] for task in tasks}
    for key in keys:
        if key not in existing:
            raise invalid(f"Task '{key}' does not exist.")
    return [
        task | {"depends_on": [d for d in task.get("depends_on", []) if d["task_key"] in keys]}
        for task in tasks
        if task["task_key"] in keys
    ]


def _keys_to_repair(form: bodies.Repair, rows: dict[str, Attempt]) -> set[str]:
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

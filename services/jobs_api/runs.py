"""What the calls do that start, show, stop and delete runs."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs_api import bodies, views
from services.jobs_api.attempt import Attempts
from services.jobs_api.bodies import read
from services.jobs_api.database import Attempt, Job, Run, new_id
from services.jobs_api.errors import ApiError, Code, invalid
from services.jobs_api.jobs import Answer, checked_settings, job_of, limit_of, page
from services.jobs_api.parameters import merged
from services.jobs_api.parts import Parts
from services.jobs_api.rows import attempts_of, run_of, whole_run
from services.jobs_api.scheduler import Scheduler
from services.jobs_api.states import ACTIVE, CODES, TERMINAL, LifeCycle, Result
from services.jobs_api.tasks import KEY_CHARACTERS, TYPES

LIMIT = 25
"""Runs in one answer, at most."""
TASK = "main"
"""Key of the task of a run that was submitted without ``tasks`` and without a name."""
_OF_TASK = (*TYPES, "libraries", "new_cluster", "existing_cluster_id", "timeout_seconds")


class Runs:
    """The handlers."""

    def __init__(self, parts: Parts, scheduler: Scheduler) -> None:
        self._database, self._workspace = parts.database, parts.workspace
        self._attempts: Attempts = parts.attempts
        self._url = parts.settings.jobs_api_url
        self._scheduler = scheduler

    async def submit(self, request: Answer) -> Answer:
        token = read(request, _Token).idempotency_token
        if "tasks" not in request:
            # Airflow's DatabricksNotebookOperator looks for its task by the name of the run.
            key = re.sub(r"[^\w-]", "_", str(request.get("run_name") or TASK))[:KEY_CHARACTERS]
            task = {"task_key": key, **{k: request[k] for k in _OF_TASK if k in request}}
            request = {k: v for k, v in request.items() if k not in _OF_TASK} | {"tasks": [task]}
        settings = checked_settings(request, self._workspace)
        with self._database.work() as session:
            existing = self._by_token(session, token)
            if existing is not None:
                return {"run_id": existing}
            self._scheduler.admit()
            run_id = new_id(session)
            queue = read(settings.get("queue") or {}, bodies.QueueSettings)
            run = Run(
                run_id=run_id,
                job_id=run_id,
                name=str(settings.get("run_name") or "Untitled"),
                run_type="SUBMIT_RUN",
                settings=settings,
                idempotency_token=token or None,
                life_cycle=LifeCycle.PENDING,
            )
            self._add(session, run, settings["tasks"], queue.enabled)
        self._scheduler.start(run.run_id, run.job_id, 1)
        return {"run_id": run.run_id}

    async def run_now(self, request: Answer) -> Answer:
        form = read(request, bodies.RunNow)
        overriding = form.given()
        with self._database.work() as session:
            existing = self._by_token(session, form.idempotency_token)
            if existing is not None:
                return {"run_id": existing, "number_in_job": existing}
            job = job_of(session, form.job_id)
            run = self._run_of(session, job, overriding, form.idempotency_token)
            queue = form.queue or read(job.settings.get("queue") or {}, bodies.QueueSettings)
            together = int(job.settings.get("max_concurrent_runs", 1))
            full = self._scheduler.active_runs(job.job_id) >= together
            if full and not queue.enabled:
                result = Result.MAXIMUM_CONCURRENT_RUNS_REACHED
                message = "Run was skipped because the job has as many active runs as it may have."
                run.end(LifeCycle.SKIPPED, result, message, CODES[result])
                session.add(run)
            else:
                self._scheduler.admit(full)
                tasks = _only(job.settings["tasks"], form.only)
                self._add(session, run, tasks, queue.enabled, full)
        if not run.ended:
            self._scheduler.start(run.run_id, run.job_id, together)
        return {"run_id": run.run_id, "number_in_job": run.run_id}

    async def get(self, request: Answer) -> Answer:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            found = run_of(session, form.run_id)
            if isinstance(found, Attempt):
                return views.task_run(found, session.get_one(Run, found.job_run_id), self._url)
            return views.run(
                found,
                attempts_of(session, found.run_id),
                self._url,
                history=form.include_history,
                resolved=form.include_resolved_values,
                start=bodies.page_start(form.page_token),
            )

    async def get_output(self, request: Answer) -> Answer:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            found = run_of(session, form.run_id)
            if isinstance(found, Run):
                rows = attempts_of(session, found.run_id)
                if len({row.task_key for row in rows}) != 1:
                    raise invalid(
                        "Retrieving the output of runs with multiple tasks is not supported. "
                        "Please retrieve the output of each individual task run instead."
                    )
                metadata, row = views.run(found, rows, self._url), rows[-1]
            else:
                run = session.get_one(Run, found.job_run_id)
                metadata, row = views.task_run(found, run, self._url), found
        return {"metadata": metadata, **self._output(row)}

    async def list_runs(self, request: Answer) -> Answer:
        form = read(request, bodies.ListRuns)
        if form.active_only and form.completed_only:
            raise invalid("active_only and completed_only can't both be true")
        limit = limit_of(form.limit, LIMIT)
        start = bodies.page_start(form.page_token, form.offset)
        query = select(Run).where(~Run.deleted).order_by(Run.created_time.desc(), Run.run_id.desc())
        if form.active_only:
            query = query.where(Run.life_cycle.in_(ACTIVE))
        if form.completed_only:
            query = query.where(Run.life_cycle.in_(TERMINAL))
        if form.job_id is not None:
            query = query.where(Run.job_id == form.job_id)
        if form.run_type:
            query = query.where(Run.run_type == form.run_type)
        if form.start_time_from is not None:
            query = query.where(Run.created_time >= form.start_time_from)
        if form.start_time_to is not None:
            query = query.where(Run.created_time <= form.start_time_to)
        with self._database.work() as session:
            rows = session.scalars(query.offset(start).limit(limit + 1)).all()
            found = [
                views.run(row, attempts_of(session, row.run_id), self._url, form.expand_tasks)
                for row in rows[:limit]
            ]
        for view in found:
            view.pop("next_page_token", None)
        return page("runs", found, start, limit, len(rows) > limit)

    async def cancel(self, request: Answer) -> Answer:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            found = run_of(session, form.run_id)
        if not found.ended:
            if isinstance(found, Attempt):
                self._scheduler.stop_run(found.job_run_id, found.task_key)
            else:
                self._scheduler.stop_run(found.run_id)
        return {}

    async def cancel_all(self, request: Answer) -> Answer:
        form = read(request, bodies.CancelAll)
        query = select(Run).where(Run.life_cycle.in_(ACTIVE))
        with self._database.work() as session:
            if form.job_id is not None:
                query = query.where(Run.job_id == job_of(session, form.job_id).job_id)
            elif not form.all_queued_runs:
                raise invalid("Missing required field: job_id")
            runs = session.scalars(query).all()
        for run in runs:
            if not form.all_queued_runs or run.life_cycle == LifeCycle.QUEUED:
                self._scheduler.stop_run(run.run_id)
        return {}

    async def delete(self, request: Answer) -> Answer:
        form = read(request, bodies.RunId)
        with self._database.work() as session:
            run = whole_run(session, form.run_id)
            if not run.ended:
                raise ApiError(
                    Code.INVALID_STATE,
                    f"Run {run.run_id} is active ({run.life_cycle}). Cancel it first.",
                )
            run.deleted = True
            attempts = [row.run_id for row in attempts_of(session, run.run_id)]
        for run_id in attempts:
            self._attempts.forget(run_id)
        return {}

    def _output(self, row: Attempt) -> Answer:
        answer: Answer = {}
        if row.error:
            answer |= {"error": row.error, "error_trace": row.error_trace or ""}
        if row.task.get("notebook_task"):
            answer["notebook_output"] = {
                "result": row.notebook_result or "",
                "truncated": row.notebook_truncated,
            }
            return answer
        logs, truncated = self._attempts.log(row.run_id).last()
        return answer | {"logs": logs, "logs_truncated": truncated}

    def _by_token(self, session: Session, token: str) -> int | None:
        """Id of the run that was started with a token."""
        if not token:
            return None
        run = session.scalar(select(Run).where(Run.idempotency_token == token))
        if run is not None and run.deleted:
            raise invalid(f"The run with idempotency token '{token}' was deleted.")
        return None if run is None else run.run_id

    def _run_of(self, session: Session, job: Job, overriding: Answer, token: str) -> Run:
        given = overriding.pop("job_parameters", {})
        return Run(
            run_id=new_id(session),
            job_id=job.job_id,
            name=job.name,
            run_type="JOB_RUN",
            settings=job.settings,
            parameters=merged(job.settings.get("parameters", []), given),
            overriding=overriding,
            idempotency_token=token or None,
            life_cycle=LifeCycle.PENDING,
        )

    def _add(
        self,
        session: Session,
        run: Run,
        tasks: list[dict[str, Any]],
        may_queue: bool,
        full: bool = False,
    ) -> None:
        """Keep a run and its tasks; ``full``: earlier runs of its job come first.

        One that has to wait is pending unless it may be queued: a client that didn't ask for a
        queue knows no such state (Airflow's ``DatabricksWorkflowTaskGroup`` fails with it).
        """
        if full or self._scheduler.busy:
            run.message = views.AWAITS_TURN if full else views.AWAITS_SLOT
            run.life_cycle = LifeCycle.QUEUED if may_queue else LifeCycle.PENDING
        session.add(run)
        for task in tasks:
            run_id = new_id(session)
            state = LifeCycle.BLOCKED if task.get("depends_on") else LifeCycle(run.life_cycle)
            session.add(
                Attempt(
                    run_id=run_id,
                    job_run_id=run.run_id,
                    task_key=task["task_key"],
                    original=run_id,
                    task=task,
                    life_cycle=state,
                    message=run.message,
                )
            )


class _Token(Struct):
    idempotency_token: bodies.Token = ""


def _only(tasks: list[dict[str, Any]], keys: list[str]) -> list[dict[str, Any]]:
    """The tasks that a request asks for; all of them when it names none."""
    if not keys:
        return tasks
    known = {task["task_key"] for task in tasks}
    for key in keys:
        if key not in known:
            raise invalid(f"Task '{key}' does not exist.")
    return [
        task | {"depends_on": [d for d in task.get("depends_on", []) if d["task_key"] in keys]}
        for task in tasks
        if task["task_key"] in keys
    ]

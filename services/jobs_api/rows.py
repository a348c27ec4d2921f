"""Runs and attempts, looked up and added."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.jobs_api.database import Attempt, Run, new_id
from services.jobs_api.errors import invalid
from services.jobs_api.states import LifeCycle


def run_of(session: Session, run_id: int) -> Run | Attempt:
    """A run, or an attempt at a task, by its id.

    Raises:
        ApiError: there is none, or it was deleted.
    """
    run = session.get(Run, run_id)
    attempt = None if run else session.get(Attempt, run_id)
    owner = session.get(Run, attempt.job_run_id) if attempt else run
    if owner is None or owner.deleted:
        raise invalid(f"Run {run_id} does not exist.")
    return attempt or owner


def whole_run(session: Session, run_id: int) -> Run:
    """A run by its id, and no attempt at one of its tasks.

    Raises:
        ApiError: there is none, or it's an attempt.
    """
    found = run_of(session, run_id)
    if isinstance(found, Attempt):
        raise invalid(f"Run {run_id} is a task of run {found.job_run_id}.")
    return found


def attempts_of(session: Session, run_id: int) -> list[Attempt]:
    """Every attempt at the tasks of a run, the oldest first."""
    query = select(Attempt).where(Attempt.job_run_id == run_id).order_by(Attempt.run_id)
    return list(session.scalars(query))


def latest(session: Session, run_id: int) -> dict[str, Attempt]:
    """The newest attempt at each task of a run."""
    return {row.task_key: row for row in attempts_of(session, run_id)}


def next_attempt(session: Session, row: Attempt, repair_id: int) -> Attempt:
    """Add the attempt that follows ``row``."""
    following = Attempt(
        run_id=new_id(session),
        job_run_id=row.job_run_id,
        task_key=row.task_key,
        number=row.number + 1,
        original=row.original,
        repair_id=repair_id,
        task=row.task,
        life_cycle=LifeCycle.BLOCKED if row.task.get("depends_on") else LifeCycle.PENDING,
    )
    session.add(following)
    session.flush()
    return following

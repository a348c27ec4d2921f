"""The state: jobs, runs and the attempts at their tasks, in one SQLite file.

A change is on disk before the response to its request, so it survives a kill of the service and a
power cut.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import JSON, Engine, ForeignKey, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from contract.errors import PipelineError
from contract.files import put_aside
from services.databricks.api.errors import invalid
from services.databricks.engine.states import TERMINAL, LifeCycle, Result

T = TypeVar("T")

RETRY_SECONDS = 1.0
"""Seconds between two attempts at a transaction while the disk is full."""


class StateError(PipelineError):
    """The file with the state can't be read or written, now or until a person repairs it."""


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Base(DeclarativeBase):
    """Base of the tables."""

    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class Number(Base):
    """The source of ids, unique over jobs, runs and attempts and never reused."""

    __tablename__ = "numbers"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012
    number: Mapped[int] = mapped_column(primary_key=True)


class Job(Base):
    """A job; ``settings`` are those of ``jobs/create``, checked."""

    __tablename__ = "jobs"
    job_id: Mapped[int] = mapped_column(primary_key=True)
    created_time: Mapped[int] = mapped_column(default=now)
    settings: Mapped[dict[str, Any]]
    name: Mapped[str] = mapped_column(index=True, default="")


class StoredCluster(Base):
    """A cluster that clusters/create has made; ``body`` is that of the call."""

    __tablename__ = "clusters"
    cluster_id: Mapped[str] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]


class _State:
    """Columns of runs and attempts. Times are in milliseconds since 1970, or 0 for not yet."""

    run_id: Mapped[int] = mapped_column(primary_key=True)
    life_cycle: Mapped[str] = mapped_column(index=True)
    result: Mapped[str | None] = mapped_column(default=None)
    message: Mapped[str] = mapped_column(default="")
    code: Mapped[str | None] = mapped_column(default=None)
    created_time: Mapped[int] = mapped_column(default=now)
    start_time: Mapped[int] = mapped_column(default=0)
    end_time: Mapped[int] = mapped_column(default=0)

    @property
    def ended(self) -> bool:
        """Whether the state is final."""
        return self.life_cycle in TERMINAL

    def end(self, life_cycle: LifeCycle, result: Result, message: str, code: str) -> None:
        """Set the final state."""
        self.life_cycle, self.result = life_cycle, result
        self.message, self.code, self.end_time = message, code, now()


class Run(_State, Base):
    """A run of a job, or a submitted run; ``settings`` are those at its start."""

    __tablename__ = "runs"
    job_id: Mapped[int] = mapped_column(index=True)
    name: Mapped[str]
    run_type: Mapped[str]
    settings: Mapped[dict[str, Any]]
    parameters: Mapped[list[Any]] = mapped_column(default=list)
    """Job parameters, as ``{name, default, value}``."""
    overriding: Mapped[dict[str, Any]] = mapped_column(default=dict)
    idempotency_token: Mapped[str | None] = mapped_column(unique=True, default=None)
    repairs: Mapped[list[Any]] = mapped_column(default=list)
    """Final states of the original run and of its repairs, for the history."""
    deleted: Mapped[bool] = mapped_column(default=False)
    attempts: Mapped[list[Attempt]] = relationship(back_populates="run", order_by="Attempt.run_id")
    """All attempts at the tasks, the oldest first."""

    @property
    def run(self) -> Run:
        """The run itself, so that runs and attempts both have ``run``."""
        return self

    @property
    def latest(self) -> dict[str, Attempt]:
        """The newest attempt at each task."""
        return {row.task_key: row for row in self.attempts}

    @property
    def repair_id(self) -> int:
        """Id of the latest repair; 0 without a repair."""
        return max((row.repair_id for row in self.attempts), default=0)

    @property
    def max_concurrent(self) -> int:
        """Maximum number of active runs of the job at a time."""
        return max(int(self.settings.get("max_concurrent_runs", 1)), 1)

    def break_off(self, life_cycle: LifeCycle, result: Result, message: str, code: str) -> None:
        """Set the final state of the run and of every attempt that has none."""
        for row in self.attempts:
            if not row.ended:
                row.end(life_cycle, result, message, code)
                row.error = message
        self.end(life_cycle, result, message, code)


class Attempt(_State, Base):
    """An attempt at a task of a run, with a ``run_id`` of its own."""

    __tablename__ = "attempts"
    job_run_id: Mapped[int] = mapped_column(ForeignKey(Run.run_id), index=True)
    run: Mapped[Run] = relationship(back_populates="attempts")
    task_key: Mapped[str]
    number: Mapped[int] = mapped_column(default=0)
    original: Mapped[int]
    """``run_id`` of the first attempt."""
    repair_id: Mapped[int] = mapped_column(default=0)
    task: Mapped[dict[str, Any]]
    resolved: Mapped[dict[str, Any] | None] = mapped_column(JSON, default=None)
    error: Mapped[str | None] = mapped_column(default=None)
    error_trace: Mapped[str | None] = mapped_column(default=None)
    notebook_result: Mapped[str | None] = mapped_column(default=None)
    notebook_truncated: Mapped[bool] = mapped_column(default=False)
    values: Mapped[dict[str, Any]] = mapped_column(default=dict)
    """Task values that the attempt has set."""

    def follow(self, session: Session, repair_id: int) -> Attempt:
        """Add the attempt that follows this one."""
        following = Attempt(
            run_id=new_id(session),
            task_key=self.task_key,
            number=self.number + 1,
            original=self.original,
            repair_id=repair_id,
            task=self.task,
            life_cycle=LifeCycle.BLOCKED if self.task.get("depends_on") else LifeCycle.PENDING,
        )
        self.run.attempts.append(following)
        return following


class Database:
    """The SQLite file, and transactions on it."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it.

        Raises:
            StateError: names the file, and what to do.
        """
        self._closed = False
        try:
            if not path.exists():
                _make(path)
            self._engine = _opened(path)
            # SQLite takes an empty file for a new one, which ours never is.
            damage = "ok" if path.stat().st_size else "it is empty"
            if damage == "ok":
                with self._engine.connect() as connection:
                    damage = str(connection.scalar(text("PRAGMA quick_check(1)")))
                Base.metadata.create_all(self._engine)
        except DatabaseError as error:
            damage = str(error.orig)
        if damage != "ok":
            raise StateError(
                f"{path} with the jobs and runs can't be used: {damage}. If it is damaged, copy it "
                "back from a backup, or move it and the files with its name away and create the "
                "jobs again; DBFS and its tables are not affected"
            )

    @contextmanager
    def work(self) -> Iterator[Session]:
        """One transaction: committed when the block succeeds, else rolled back.

        Raises:
            StateError: the file can't be read or written, as on a full disk.
        """
        try:
            with Session(self._engine, expire_on_commit=False) as session, session.begin():
                yield session
        except DatabaseError as error:
            if type(error) not in (OperationalError, DatabaseError):
                raise  # the other subclasses are errors of the transaction itself
            raise StateError(f"state: {error.orig}") from error

    async def stored(self, change: Callable[[Session], T]) -> T:
        """The result of one transaction, repeated while the file can't be read or written.

        A disk that is full for a moment then delays the state of a run, and loses none of it.

        Raises:
            StateError: the service ends meanwhile.
        """
        reported = ""
        while True:
            try:
                with self.work() as session:
                    return change(session)
            except StateError as error:
                if self._closed:
                    raise
                if str(error) != reported:
                    print(f"{error}; trying again", file=sys.stderr)
                reported = str(error)
            await asyncio.sleep(RETRY_SECONDS)

    def unwritable_reason(self) -> str | None:
        """The reason why nothing can be stored now; None when a write succeeds."""
        try:
            with self._engine.connect() as connection:
                connection.execute(text("PRAGMA user_version = 1"))
        except DatabaseError as error:
            return f"state: {error.orig}"
        return None

    def close(self) -> None:
        """Close the file."""
        self._closed = True
        self._engine.dispose()


def new_id(session: Session) -> int:
    """An id that no job, run or attempt has or had."""
    number = Number()
    session.add(number)
    session.flush()
    found = number.number
    session.delete(number)
    return found


def run_of(session: Session, run_id: int) -> Run | Attempt:
    """A run, or an attempt at a task, by its id.

    Raises:
        ApiError: the id is unknown, or the run was deleted.
    """
    found = session.get(Run, run_id) or session.get(Attempt, run_id)
    if found is None or found.run.deleted:
        raise invalid(f"Run {run_id} does not exist.")
    return found


def whole_run(session: Session, run_id: int) -> Run:
    """A run by its id, which must not be that of an attempt.

    Raises:
        ApiError: the id is unknown, or that of an attempt.
    """
    found = run_of(session, run_id)
    if isinstance(found, Attempt):
        raise invalid(f"Run {run_id} is a task of run {found.job_run_id}.")
    return found


def _opened(path: Path) -> Engine:
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", _configure)
    return engine


def _make(path: Path) -> None:
    """Make the file with its tables, so that it is never empty under its name."""
    for left in path.parent.glob(f"{path.name}-*"):
        put_aside(left)  # the journal of a file that has been moved away
    new = path.with_name(f"new-{path.name}")
    new.unlink(missing_ok=True)
    engine = _opened(new)
    Base.metadata.create_all(engine)
    engine.dispose()
    new.rename(path)


def _configure(connection: Any, _: object) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
        connection.execute(f"PRAGMA {pragma}")

"""The execution of one run: its tasks in the order of their dependencies, each with its retries.

Ready tasks wait for a slot, first come, first served. A request, a time-out or the end of the
service stops a run by cancelling the coroutines of its tasks; each coroutine ends its processes and
stores the result of its task.
"""

import asyncio
import sys
import traceback
from enum import Enum
from functools import partial
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.databricks.api import parameters
from services.databricks.api.bodies import read
from services.databricks.api.libraries import requirements
from services.databricks.api.tasks import Task, leaves
from services.databricks.context import ServiceContext
from services.databricks.engine import states
from services.databricks.engine.cluster_tags import cluster_tags
from services.databricks.engine.clusters import Cluster, Spec
from services.databricks.engine.runtimes import SERVERLESS_VERSION
from services.databricks.engine.states import CODES, LifeCycle, Result
from services.databricks.engine.task_runner import TaskResult, surroundings
from services.databricks.store.database import Attempt, Run, now

ATTEMPTS = 20
"""Attempts at a task that a run keeps: the first, whose id names the task, and the newest."""


class Stop(Enum):
    """Reasons to stop a run or a task, each with the resulting state, message and code."""

    CANCELED = (LifeCycle.TERMINATED, Result.CANCELED, "Run cancelled.", "USER_CANCELED")
    TIMEDOUT = (LifeCycle.TERMINATED, Result.TIMEDOUT, "Run timed out.", "CANCELED")
    SERVICE_ENDED = (
        LifeCycle.INTERNAL_ERROR,
        Result.FAILED,
        "The Jobs service was stopped while the run was active.",
        "INTERNAL_ERROR",
    )


class Slot:
    """A turn of a task; it ends early when the task's streaming queries run in the background."""

    def __init__(self, slots: asyncio.Semaphore) -> None:
        self._slots, self._held = slots, False

    async def __aenter__(self) -> "Slot":
        self._held = await self._slots.acquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Give the turn to the next task."""
        if self._held:
            self._held = False
            self._slots.release()


class Execution:
    """A run, from its first task to its result."""

    done: asyncio.Task[None]
    """Ends with the execution; the scheduler sets it."""

    def __init__(self, context: ServiceContext, run: Run) -> None:
        self._context, self.run_id, self.job_id = context, run.run_id, run.job_id
        self.started = False
        self._tasks: dict[str, Task] = {}
        self._current: dict[str, int] = {}
        """Newest attempt at each task."""
        self._children: dict[str, asyncio.Task[Result]] = {}
        self._results: dict[str, Result] = {}
        self._reasons: dict[str, Stop] = {}
        self._job_clusters: dict[str, Cluster] = {}
        """Clusters that tasks of this run share, by their keys in the job."""
        self._timer: asyncio.TimerHandle | None = None
        self._limit = 0
        self._stop: Stop | None = None
        self._stopped = asyncio.Event()
        self._released = False

    async def await_turn(self, earlier: list[asyncio.Task[None]], maximum: int) -> None:
        """Wait until fewer than ``maximum`` of the ``earlier`` runs are active, or for a stop."""
        while sum(not run.done() for run in earlier) >= maximum and not self._stopped.is_set():
            stopped = asyncio.create_task(self._stopped.wait())
            pending = [run for run in earlier if not run.done()]
            await asyncio.wait([*pending, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()

    async def run(self) -> None:
        """Run every task that has not ended yet, then store the result of the run."""
        if self._released:
            return
        await self._context.database.stored(self._load)
        self._children = {
            key: asyncio.create_task(self._guarded(key))
            for key in self._tasks
            if key not in self._results
        }
        if self._stop:
            self._cancel(self._stop)
        if self._children:
            await asyncio.wait(self._children.values())
        if self._timer:
            self._timer.cancel()
        if self._released:
            return
        for key, child in self._children.items():
            if child.cancelled():  # before it began, or while it stored another result
                self._results[key] = await self._end(key, *self._reasons[key].value)
        await self._context.database.stored(self._end_run)

    def _load(self, session: Session) -> None:
        run = session.get_one(Run, self.run_id)
        rows = run.latest
        self._limit = int(run.settings.get("timeout_seconds", 0))
        self._tasks = {key: read(row.task, Task) for key, row in rows.items()}
        self._current = {key: row.run_id for key, row in rows.items()}
        self._results = {k: Result(row.result) for k, row in rows.items() if row.result}

    def stop(self, reason: Stop, key: str | None = None) -> None:
        """Stop the run, or one of its tasks; it has ended when ``run`` returns.

        Raises:
            StateError: the state can't be stored; the run stops nevertheless.
        """
        if key is None:
            self._stop = reason
            self._stopped.set()
        self._cancel(reason, key)
        if key is None:
            with self._context.database.work() as session:
                session.get_one(Run, self.run_id).life_cycle = LifeCycle.TERMINATING

    def _cancel(self, reason: Stop, key: str | None = None) -> None:
        for name, child in self._children.items():
            if key in (None, name) and not child.done() and name not in self._reasons:
                self._reasons[name] = reason
                child.cancel()

    def release(self) -> None:
        """Give up a run of which no task has started; its stored state stays unchanged."""
        self._released = True
        self._stopped.set()
        for child in self._children.values():
            child.cancel()

    async def _guarded(self, key: str) -> Result:
        """Run a task, and give it a result in every case."""
        try:
            result = await self._task(key)
        except asyncio.CancelledError:
            if self._released:
                raise
            result = await self._end(key, *self._reasons.get(key, Stop.SERVICE_ENDED).value)
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            message = f"The Jobs service failed: {error}"
            result = await self._end(
                key, LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "INTERNAL_ERROR"
            )
        self._results[key] = result
        return result

    async def _task(self, key: str) -> Result:
        task = self._tasks[key]
        awaited = [self._children[name] for name in task.upstream if name in self._children]
        if awaited:
            await asyncio.wait(awaited)
        upstream = [self._results[name] for name in task.upstream]
        if skipped := states.result_without_run(task.run_if, upstream):
            message = "The dependencies of the task did not meet its run_if condition."
            return await self._end(key, LifeCycle.TERMINATED, skipped, message, CODES[skipped])
        retries = task.max_retries
        while True:
            begun = now()
            async with Slot(self._context.slots) as slot:
                outcome = await self._attempt(key, slot)
                await self._context.database.stored(partial(self._finish, key, outcome))
            retry = outcome.result is Result.FAILED or (
                outcome.result is Result.TIMEDOUT and task.retry_on_timeout
            )
            if not retry or not retries:
                return outcome.result
            retries -= 1
            self._current[key] = await self._context.database.stored(partial(self._add_retry, key))
            await asyncio.sleep(max(task.min_retry_interval_millis - (now() - begun), 0) / 1000)

    async def _attempt(self, key: str, slot: "Slot") -> TaskResult:
        run_id = self._current[key]
        cluster, task_json = await self._context.database.stored(partial(self._begin, run_id))
        for old in await self._context.database.stored(partial(self._drop_attempts, key)):
            self._context.task_runner.forget(old)
        if not self.started:
            self.started = True
            if self._limit:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self._limit, self.stop, Stop.TIMEDOUT)
        timeout = self._tasks[key].timeout_seconds
        task_runner = self._context.task_runner
        return await task_runner.run(run_id, task_json, cluster, timeout, slot.release)

    def _begin(self, run_id: int, session: Session) -> tuple[Cluster, dict[str, Any]]:
        """Store that an attempt starts; return its cluster and its ``task.json``."""
        row = session.get_one(Attempt, run_id)
        row.life_cycle, row.start_time, row.message = LifeCycle.RUNNING, now(), "In run"
        run = row.run
        if run.life_cycle in states.WAITING:
            run.life_cycle, run.message = LifeCycle.RUNNING, "In run"
            run.start_time = run.start_time or row.start_time
        references = parameters.values(row, self._context.settings.databricks_host)
        row.resolved = parameters.resolved_task(row, references)
        cluster = self._cluster_of(row)
        return cluster, _task_json(self._context, row, cluster)

    def _cluster_of(self, row: Attempt) -> Cluster:
        """The cluster of a task: the job's, a new one, an existing one, or serverless."""
        clusters, body = self._context.clusters, cluster_body(row)
        if not body:
            cluster_id = row.task.get("existing_cluster_id")
            serverless = Spec(SERVERLESS_VERSION)
            return clusters.named(cluster_id) if cluster_id else clusters.for_job(serverless)
        spec = Spec.of(body, self._context.settings.cluster_spark_version)
        key = row.task.get("job_cluster_key")
        if not key:
            return clusters.for_job(spec)
        if key not in self._job_clusters:
            self._job_clusters[key] = clusters.for_job(spec)
        return self._job_clusters[key]

    def _finish(self, key: str, outcome: TaskResult, session: Session) -> None:
        row = session.get_one(Attempt, self._current[key])
        row.error, row.error_trace = outcome.error, outcome.trace
        row.notebook_result = outcome.notebook_result
        row.notebook_truncated = outcome.notebook_truncated
        row.values = outcome.values
        row.end(LifeCycle.TERMINATED, outcome.result, outcome.message, CODES[outcome.result])

    def _add_retry(self, key: str, session: Session) -> int:
        """Add the next attempt after one that has ended; return its id."""
        row = session.get_one(Attempt, self._current[key])
        following = row.follow(session, row.repair_id)
        following.life_cycle = LifeCycle.WAITING_FOR_RETRY
        return following.run_id

    def _drop_attempts(self, key: str, session: Session) -> list[int]:
        """Delete the attempts at a task between the first and the newest; return their ids."""
        of_task = (Attempt.job_run_id == self.run_id, Attempt.task_key == key)
        ids = select(Attempt.run_id).where(*of_task).order_by(Attempt.run_id)
        old = list(session.scalars(ids))[1 : 1 - ATTEMPTS]
        session.execute(delete(Attempt).where(Attempt.run_id.in_(old)))
        return old

    async def _end(
        self, key: str, life_cycle: LifeCycle, result: Result, message: str, code: str
    ) -> Result:
        def end(session: Session) -> None:
            row = session.get_one(Attempt, self._current[key])
            row.end(life_cycle, result, message, code)
            if life_cycle is LifeCycle.INTERNAL_ERROR:
                row.error = message

        await self._context.database.stored(end)
        return result

    def _end_run(self, session: Session) -> None:
        run = session.get_one(Run, self.run_id)
        rows = run.latest.values()
        broken = next((row for row in rows if row.life_cycle == LifeCycle.INTERNAL_ERROR), None)
        if broken:
            run.end(LifeCycle.INTERNAL_ERROR, Result.FAILED, broken.message, "INTERNAL_ERROR")
            return
        if self._stop and self._stop in self._reasons.values():
            run.end(*self._stop.value)
            return
        result = states.result_of_run(self._results, leaves(self._tasks))
        message, code = Stop.CANCELED.value[2] if result is Result.CANCELED else "", CODES[result]
        failed = [row for row in rows if row.result in (Result.FAILED, Result.TIMEDOUT)]
        if result is Result.FAILED and failed:
            message = f"Task {failed[0].task_key} failed with message: {failed[0].message}."
            if any(row.result == Result.UPSTREAM_FAILED for row in rows):
                message += " This caused all downstream tasks to get skipped."
        run.end(LifeCycle.TERMINATED, result, message, code)


def cluster_body(row: Attempt) -> dict[str, Any]:
    """The new cluster of a task, its own or a shared one of the job; empty without one."""
    for item in row.run.settings.get("job_clusters", []):
        if item.get("job_cluster_key") == row.task.get("job_cluster_key"):
            return dict(item.get("new_cluster", {}))
    return dict(row.task.get("new_cluster") or {})


def _task_json(context: ServiceContext, row: Attempt, cluster: Cluster) -> dict[str, Any]:
    """The ``task.json`` of an attempt, which the runner reads."""
    workspace, run = context.workspace, row.run
    task: dict[str, Any] = dict(row.resolved or {})
    if "spark_python_task" in task:
        task["file"] = workspace.python_file(task["spark_python_task"]["python_file"])
    if "notebook_task" in task:
        task["file"] = workspace.notebook(task["notebook_task"]["notebook_path"])
    return task | {
        **surroundings(workspace, cluster),
        "libraries": requirements(row.task, run.settings.get("environments", ()), workspace),
        "values": {key: other.values for key, other in run.latest.items()},
        "spark_conf": cluster_tags(row, cluster_body(row), cluster.spec.version),
        "context": {
            "job_id": str(run.job_id),
            "job_run_id": str(run.run_id),
            "run_id": str(row.run_id),
            "task_key": row.task_key,
            "job_name": run.name,
            "cluster_id": cluster.cluster_id,
            "url": context.settings.databricks_host,
        },
    }

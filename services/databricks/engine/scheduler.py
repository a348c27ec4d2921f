"""The active runs: limits, order, and recovery after a restart."""

import asyncio
import sys
import traceback
from contextlib import suppress
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.databricks.api.errors import ApiError, Code
from services.databricks.context import ServiceContext
from services.databricks.engine import process
from services.databricks.engine.execution import Execution, Stop
from services.databricks.engine.states import ACTIVE, TERMINAL, WAITING, LifeCycle, Result
from services.databricks.store.database import Attempt, Run, StateError

STOP_LIMIT = 20.0
"""Seconds that the processes of tasks have to end when the service stops."""


class Scheduler:
    """Starts and stops runs. Only the event loop's thread may call the methods."""

    def __init__(self, context: ServiceContext) -> None:
        self.context = context
        self._executions: dict[int, Execution] = {}

    def admit(self, awaits_turn: bool) -> bool:
        """Admit a new run; return whether the run must wait.

        Args:
            awaits_turn: whether the run waits for earlier runs of its job.

        Raises:
            ApiError: 429, the maximum number of runs is waiting.
        """
        waiting = sum(not execution.started for execution in self._executions.values())
        waits = awaits_turn or self.context.slots.locked()
        if waits and waiting >= self.context.settings.databricks_queue:
            raise ApiError(
                Code.REQUEST_LIMIT_EXCEEDED,
                f"{waiting} runs wait for their turn, which is the limit; try again later",
            )
        return waits

    def active_runs(self, job_id: int) -> list[Execution]:
        """Runs of a job that have not ended."""
        return [item for item in self._executions.values() if item.job_id == job_id]

    def start(self, run: Run, max_concurrent: int) -> None:
        """Start a run when fewer than ``max_concurrent`` earlier runs of its job are active."""
        earlier = [execution.done for execution in self.active_runs(run.job_id)]
        execution = self._executions[run.run_id] = Execution(self.context, run)
        execution.done = asyncio.create_task(self._run(execution, earlier, max_concurrent))

    def stop_run(self, run: Run | Attempt) -> None:
        """Cancel a run, or one of its tasks, if it is active."""
        if execution := self._executions.get(run.run.run_id):
            execution.stop(Stop.CANCELED, run.task_key if isinstance(run, Attempt) else None)

    async def recover(self) -> None:
        """Take over the runs of an earlier process of the service.

        First end the processes of its tasks, whose output would mix with that of a retry. Runs
        without a started task wait again; the others have failed. Files without a run are removed.
        """
        for root in (self.context.task_runner.root, self.context.clusters.root):
            await process.end(root)

        def taken_over(session: Session) -> list[Run]:
            self.context.task_runner.forget_others(set(session.scalars(select(Attempt.run_id))))
            active = select(Run).where(Run.life_cycle.in_(ACTIVE)).order_by(Run.run_id)
            runs = session.scalars(active).all()
            for run in runs:
                if run.life_cycle not in WAITING:
                    run.break_off(*Stop.SERVICE_ENDED.value)
            return [run for run in runs if not run.ended]

        for run in await self.context.database.stored(taken_over):
            self.start(run, run.max_concurrent)

    async def stop(self) -> None:
        """End the running tasks; runs without a started task stay unchanged."""
        for execution in list(self._executions.values()):
            if execution.started:
                with suppress(StateError):  # the next start of the service stores the state
                    execution.stop(Stop.SERVICE_ENDED)
            else:
                execution.release()
        if self._executions:
            ends = [execution.done for execution in self._executions.values()]
            await asyncio.wait(ends, timeout=STOP_LIMIT)

    async def _run(
        self, execution: Execution, earlier: list[asyncio.Task[None]], max_concurrent: int
    ) -> None:
        try:
            await execution.await_turn(earlier, max_concurrent)
            await execution.run()
        except Exception as error:
            traceback.print_exception(error, file=sys.stderr)
            await self.context.database.stored(partial(_break_off, execution.run_id, error))
        finally:
            del self._executions[execution.run_id]
        try:
            self._prune()
        except StateError as error:  # the end of the next run repeats it
            print(error, file=sys.stderr)

    def _prune(self) -> None:
        """Delete the oldest ended runs beyond ``DATABRICKS_KEEP_RUNS``."""
        with self.context.database.work() as session:
            ended = select(Run.run_id).where(Run.life_cycle.in_(TERMINAL))
            old = session.scalars(
                ended.order_by(Run.run_id.desc()).offset(self.context.settings.databricks_keep_runs)
            ).all()
            of_old = Attempt.job_run_id.in_(old)
            attempts = session.scalars(select(Attempt.run_id).where(of_old)).all()
            session.execute(delete(Attempt).where(of_old))
            session.execute(delete(Run).where(Run.run_id.in_(old)))
        for run_id in attempts:
            self.context.task_runner.forget(run_id)


def _break_off(run_id: int, error: Exception, session: Session) -> None:
    """End a run that the service can't continue."""
    message = f"The Jobs service failed: {error}"
    run = session.get_one(Run, run_id)
    run.break_off(LifeCycle.INTERNAL_ERROR, Result.FAILED, message, "INTERNAL_ERROR")

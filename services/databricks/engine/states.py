"""The states of runs and tasks, and the rules that derive them. No IO, no clock.

``life_cycle_state`` and ``result_state`` belong to API 2.1; ``views`` translates them to
``status`` of API 2.2.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum


class LifeCycle(StrEnum):
    """The stage of a run or task."""

    QUEUED = "QUEUED"
    PENDING = "PENDING"
    BLOCKED = "BLOCKED"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    INTERNAL_ERROR = "INTERNAL_ERROR"


TERMINAL = frozenset({LifeCycle.TERMINATED, LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})
ACTIVE = frozenset(LifeCycle) - TERMINAL
WAITING = frozenset({LifeCycle.QUEUED, LifeCycle.PENDING, LifeCycle.BLOCKED})
"""States of a run of which no task has started."""


class Result(StrEnum):
    """The result of a run or task."""

    SUCCESS = "SUCCESS"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    EXCLUDED = "EXCLUDED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    MAXIMUM_CONCURRENT_RUNS_REACHED = "MAXIMUM_CONCURRENT_RUNS_REACHED"


CODES = {
    Result.SUCCESS: "SUCCESS",
    Result.SUCCESS_WITH_FAILURES: "SUCCESS_WITH_FAILURES",
    Result.FAILED: "RUN_EXECUTION_ERROR",
    Result.TIMEDOUT: "CANCELED",
    Result.CANCELED: "USER_CANCELED",
    Result.EXCLUDED: "SKIPPED",
    Result.UPSTREAM_FAILED: "SKIPPED",
    Result.UPSTREAM_CANCELED: "SKIPPED",
    Result.MAXIMUM_CONCURRENT_RUNS_REACHED: "MAX_CONCURRENT_RUNS_EXCEEDED",
}
"""``termination_details.code`` of each result."""


class RunIf(StrEnum):
    """The condition on its dependencies under which a task is run."""

    ALL_SUCCESS = "ALL_SUCCESS"
    ALL_DONE = "ALL_DONE"
    ALL_FAILED = "ALL_FAILED"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    NONE_FAILED = "NONE_FAILED"


_FINE = frozenset({Result.SUCCESS, Result.EXCLUDED})
_FAILED = frozenset({Result.FAILED, Result.TIMEDOUT, Result.UPSTREAM_FAILED})
UNSUCCESSFUL = frozenset(Result) - _FINE - {Result.SUCCESS_WITH_FAILURES}


def result_without_run(run_if: RunIf, upstream: Collection[Result]) -> Result | None:
    """None when the task is to be run, else its result without a run.

    An excluded task counts as successful, but a task that depends only on excluded tasks is
    excluded, too (Databricks, "Configure task dependencies").
    """
    if not upstream:
        return None
    if all(result is Result.EXCLUDED for result in upstream):
        return Result.EXCLUDED
    fine = sum(result in _FINE for result in upstream)
    failed = sum(result in _FAILED for result in upstream)
    met = {
        RunIf.ALL_SUCCESS: fine == len(upstream),
        RunIf.ALL_DONE: True,
        RunIf.ALL_FAILED: failed == len(upstream),
        RunIf.AT_LEAST_ONE_FAILED: failed > 0,
        RunIf.AT_LEAST_ONE_SUCCESS: fine > 0,
        RunIf.NONE_FAILED: failed == 0 and fine > 0,
    }[run_if]
    if met:
        return None
    if run_if in (RunIf.ALL_FAILED, RunIf.AT_LEAST_ONE_FAILED):
        return Result.EXCLUDED
    return Result.UPSTREAM_FAILED if failed else Result.UPSTREAM_CANCELED


def result_of_run(results: Mapping[str, Result], leaves: Iterable[str]) -> Result:
    """The result of a run; the tasks on which no other task depends decide it."""
    last = [results[key] for key in leaves]
    if any(result in _FAILED for result in last):
        return Result.FAILED
    if any(result in (Result.CANCELED, Result.UPSTREAM_CANCELED) for result in last):
        return Result.CANCELED
    if all(result in _FINE for result in results.values()):
        return Result.SUCCESS
    return Result.SUCCESS_WITH_FAILURES

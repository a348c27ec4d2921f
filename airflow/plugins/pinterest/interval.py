"""The interval whose posts a run processes.

A scheduled run, or one of a backfill, processes its data interval: the day that has ended. A run
that a person triggers processes the 24 hours until then; the interval that Airflow gives such a run
is the day before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

LATENESS = timedelta(hours=1)
"""How long after the interval's end an object may be stored and still belong to the interval.

The sink stores the last posts of an interval seconds after its end, or minutes after it when the
sink had to be restarted.
"""

_SCHEDULED = ("scheduled", "backfill")
_DAY = timedelta(days=1)


class DagRun(Protocol):
    """The attributes of Airflow's ``dag_run`` that this module reads."""

    run_type: str
    run_after: datetime
    data_interval_start: datetime | None
    data_interval_end: datetime | None


@dataclass(frozen=True, slots=True)
class Interval:
    """The time from ``start`` up to ``end``, without ``end``."""

    start: datetime
    end: datetime

    @property
    def closed(self) -> datetime:
        """The time by which the last object of the interval must have been stored."""
        return self.end + LATENESS


def interval(dag_run: DagRun) -> Interval:
    """The interval of a run; a triggered run has the 24 hours before it was triggered."""
    start, end = dag_run.data_interval_start, dag_run.data_interval_end
    if dag_run.run_type in _SCHEDULED and start and end:
        return Interval(start, end)
    return Interval(dag_run.run_after - _DAY, dag_run.run_after)

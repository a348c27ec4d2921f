"""The time that a run is about.

A scheduled run, or one of a backfill, is about its data interval: the day that has ended. A person
who triggers a run means what was sent until now; the interval that Airflow gives such a run is the
one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

LATENESS = timedelta(hours=1)
"""How long after the interval's end an object may be stored and still be of the interval.

What was posted just before the end is stored after it, by seconds, or by minutes when the sink had
to be started again.
"""

_SCHEDULED = ("scheduled", "backfill")
_DAY = timedelta(days=1)


class DagRun(Protocol):
    """What is read of Airflow's ``dag_run``."""

    run_type: str
    run_after: datetime
    data_interval_start: datetime | None
    data_interval_end: datetime | None


@dataclass(frozen=True, slots=True)
class Interval:
    """From ``start`` on, up to but without ``end``."""

    start: datetime
    end: datetime

    @property
    def closed(self) -> datetime:
        """When the last object of the interval must have been stored."""
        return self.end + LATENESS


def interval(dag_run: DagRun) -> Interval:
    """The interval of a run; that of a triggered one is the day before it was triggered."""
    start, end = dag_run.data_interval_start, dag_run.data_interval_end
    if dag_run.run_type in _SCHEDULED and start and end:
        return Interval(start, end)
    return Interval(dag_run.run_after - _DAY, dag_run.run_after)

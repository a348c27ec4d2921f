"""The interval of each kind of run."""

from datetime import UTC, datetime, timedelta

import pytest
from context import scheduled, triggered

from pinterest.interval import LATENESS, interval

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_scheduled_run_has_the_interval_of_its_day(run_type: str) -> None:
    found = interval(scheduled(DAY, run_type))
    assert (found.start, found.end) == (DAY, DAY + timedelta(days=1))


def test_a_triggered_run_has_the_24_hours_before_it() -> None:
    at = DAY.replace(hour=9)
    found = interval(triggered(at))
    assert (found.start, found.end) == (at - timedelta(days=1), at)


def test_a_run_triggered_without_a_logical_date_has_an_interval() -> None:
    run = triggered(DAY)
    run.data_interval_start = run.data_interval_end = None
    assert interval(run).end == DAY


def test_an_interval_closes_after_late_objects() -> None:
    assert interval(scheduled(DAY)).closed == DAY + timedelta(days=1) + LATENESS

"""The time that a run is about, for each kind of run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from context import scheduled, triggered

from pinterest.interval import LATENESS, interval

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
def test_a_run_of_a_day_is_about_that_day(run_type: str) -> None:
    found = interval(scheduled(DAY, run_type))
    assert (found.start, found.end) == (DAY, DAY + timedelta(days=1))


def test_a_triggered_run_is_about_the_day_until_it_was_triggered() -> None:
    at = DAY.replace(hour=9)
    found = interval(triggered(at))
    assert (found.start, found.end) == (at - timedelta(days=1), at)


def test_a_run_triggered_without_a_logical_date_has_an_interval() -> None:
    run = triggered(DAY)
    run.data_interval_start = run.data_interval_end = None
    assert interval(run).end == DAY


def test_an_interval_is_closed_when_late_objects_have_come() -> None:
    assert interval(scheduled(DAY)).closed == DAY + timedelta(days=1) + LATENESS

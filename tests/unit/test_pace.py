"""When the batches of several queries may start."""

from __future__ import annotations

from spark.pipeline.pace import CORES, LONGEST, Pace


def test_batches_that_end_together_start_one_after_the_other() -> None:
    pace = Pace(CORES, lambda: 100.0)
    assert [pace.delay(0.5) for _ in range(3)] == [0, 0.5, 1.0]


def test_who_comes_later_waits_for_what_is_left_of_the_batch_before() -> None:
    now = iter((100.0, 100.25, 101.0))
    pace = Pace(CORES, lambda: next(now))
    assert [pace.delay(0.5) for _ in range(3)] == [0, 0.25, 0]


def test_a_long_batch_holds_nobody_up() -> None:
    pace = Pace(CORES, lambda: 100.0)
    assert [pace.delay(60), pace.delay(60)] == [0, LONGEST]


def test_more_processors_take_more_batches_at_a_time() -> None:
    pace = Pace(4 * CORES, lambda: 100.0)
    assert [pace.delay(0.5), pace.delay(0.5)] == [0, 0.125]

"""When the batches of several queries may start."""

import pytest

from spark.pipeline.streaming.stagger import CORES, LONGEST, Stagger

Requests = list[tuple[float, float, float]]
"""When a query requests its next start, how long its batch took, and the returned delay."""


@pytest.mark.parametrize(
    ("cores", "requests"),
    [
        pytest.param(CORES, [(0, 0.5, 0), (0, 0.5, 0.5), (0, 0.5, 1)], id="ended together"),
        pytest.param(CORES, [(0, 0.5, 0), (0.25, 0.5, 0.25), (1, 0.5, 0)], id="comes later"),
        pytest.param(CORES, [(0, 60, 0), (0, 60, LONGEST)], id="a long batch delays no other"),
        pytest.param(4 * CORES, [(0, 0.5, 0), (0, 0.5, 0.125)], id="more processors"),
    ],
)
def test_batches_start_one_after_the_other(cores: float, requests: Requests) -> None:
    now = iter(100 + at for at, _, _ in requests)
    stagger = Stagger(cores, lambda: next(now))
    assert [stagger.delay(took) for _, took, _ in requests] == [delay for _, _, delay in requests]

"""The time-out of a notebook that another notebook runs."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.databricks.runner.kernel.limit import limited


def run(outer: float, inner: float, within: float = 0, after: float = 0) -> None:
    """Run a notebook within a notebook, each for some seconds."""
    with limited(outer, "/outer"):
        with limited(inner, "/inner"):
            time.sleep(within)
        time.sleep(after)


def test_the_notebook_that_takes_too_long_is_named() -> None:
    with pytest.raises(TimeoutError, match=r"notebook /inner took longer than 0.05 seconds"):
        run(60, 0.05, within=5)
    run(0.05, 0)
    left, _ = signal.getitimer(signal.ITIMER_REAL)  # of the test's own limit, if it has one
    assert not 0 < left <= 0.05


@pytest.mark.parametrize("inner", [0, 60])
def test_the_outer_limit_counts_within_the_inner_notebook(inner: float) -> None:
    with pytest.raises(TimeoutError, match="notebook /outer"):
        run(0.05, inner, within=5)


@pytest.mark.parametrize("inner", [0, 0.1, 60])
def test_the_outer_limit_goes_on_after_the_inner_notebook(inner: float) -> None:
    with pytest.raises(TimeoutError, match="notebook /outer"):
        run(0.2, inner, within=0.05, after=5)


def test_each_thread_has_a_limit_of_its_own() -> None:
    def work(limit: float) -> float:
        with limited(limit, f"/{limit:g}"):
            until = time.monotonic() + 0.3
            while time.monotonic() < until:
                pass
        return limit

    with ThreadPoolExecutor() as threads:
        late, kept = threads.submit(work, 0.05), threads.submit(work, 60)
        assert kept.result() == 60
        with pytest.raises(TimeoutError, match=r"notebook /0.05 took longer than 0.05 seconds"):
            late.result()

"""The error of a hop that can't be read or has lost rows, and waiting for a state of a hop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from contract.errors import PipelineError
from contract.waiting import WaitTimeout, wait_for

T = TypeVar("T")


class HopError(PipelineError):
    """A hop has lost rows, or cannot be read."""

    def __init__(self, hop: str, reason: str) -> None:
        super().__init__(f"{hop}: {reason}")


@contextmanager
def hop_errors(hop: str, what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of ``kinds`` into a HopError about ``what``."""
    try:
        yield
    except kinds as error:
        raise HopError(hop, f"{what}: {error}") from error


def wait_at(
    hop: str,
    what: str,
    probe: Callable[[], T | None],
    limit: float,
    interval: float = 1.0,
    state: Callable[[], str] = lambda: "",
) -> T:
    """Wait as ``wait_for`` does; raise a HopError of ``hop`` when the time is up."""
    try:
        return wait_for(what, probe, limit, interval, state)
    except WaitTimeout as timeout:
        raise HopError(hop, str(timeout)) from None

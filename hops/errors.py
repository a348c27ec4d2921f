"""What can go wrong in reading a hop."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from contract.errors import PipelineError


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

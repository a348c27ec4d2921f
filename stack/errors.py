"""What can go wrong in running the stack.

StackError (a PipelineError)
+-- ComposeError     docker-compose.yml says something that can't be run
+-- StartError       a service didn't start, ended or stayed unhealthy
+-- MachineError     this machine lacks something that the stack needs
+-- WaitTimeout      a fact didn't come about in time
+-- HopError         a hop lost rows, or can't be asked
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from contract.errors import PipelineError


class StackError(PipelineError):
    """Base of every error of ``pinpipe``."""


class ComposeError(StackError):
    """docker-compose.yml says something that can't be run."""


class StartError(StackError):
    """A service didn't start, ended, or stayed unhealthy."""


class MachineError(StackError):
    """This machine lacks something that the stack needs: one line for each thing."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)


class WaitTimeout(StackError):
    """A fact didn't come about in time."""


class HopError(StackError):
    """A hop lost rows, or can't be asked."""

    def __init__(self, hop: str, reason: str) -> None:
        super().__init__(f"{hop}: {reason}")


@contextmanager
def hop_errors(hop: str, what: str, *kinds: type[Exception]) -> Iterator[None]:
    """Turn errors of ``kinds`` into a HopError about ``what``."""
    try:
        yield
    except kinds as error:
        raise HopError(hop, f"{what}: {error}") from error

"""What can go wrong in running the stack.

StackError (a PipelineError)
+-- ComposeError     docker-compose.yml says something that can't be run
+-- StartError       a service didn't start, ended or stayed unhealthy
+-- PortTaken        somebody else listens on a port that a service needs
+-- WaitTimeout      a fact didn't come about in time
+-- HopError         a hop lost rows, or can't be asked
"""

from __future__ import annotations

from contract.errors import PipelineError


class StackError(PipelineError):
    """Base of every error of ``pinpipe``."""


class ComposeError(StackError):
    """docker-compose.yml says something that can't be run."""


class StartError(StackError):
    """A service didn't start, ended, or stayed unhealthy."""


class PortTaken(StackError):
    """Somebody else listens on a port that a service needs."""


class WaitTimeout(StackError):
    """A fact didn't come about in time."""


class HopError(StackError):
    """A hop lost rows, or can't be asked."""

    def __init__(self, hop: str, reason: str) -> None:
        super().__init__(f"{hop}: {reason}")
        self.hop = hop

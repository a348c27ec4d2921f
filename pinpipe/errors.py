"""The errors of ``pinpipe``.

StackError (a PipelineError)
+-- ComposeError     docker-compose.yml has something that can't be run
+-- StartError       a service didn't start, ended or stayed unhealthy
+-- MachineError     this machine lacks something that the stack needs
"""

from collections.abc import Sequence

from contract.errors import PipelineError


class StackError(PipelineError):
    """Base of every error of ``pinpipe``."""


class ComposeError(StackError):
    """docker-compose.yml has something that can't be run."""


class StartError(StackError):
    """A service didn't start, ended, or stayed unhealthy."""


class MachineError(StackError):
    """This machine lacks something that the stack needs: one line for each problem."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = list(problems)

"""The exceptions of this project, one base to catch.

    PipelineError
    +-- SettingError     a variable of the environment has a value that cannot be used
    +-- WireError        a value, body or object key that is not in its wire form
    +-- WaitTimeout      a condition was not met in time (``contract.waiting``)
    +-- HopError         a hop has lost rows, or cannot be read (``hops.errors``)
    +-- StackError       the stack cannot be run (``pinpipe.errors``)

Each message names the thing and the value.
"""

import re

_SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|DATABASE_URL)(?!.*_FILE$)")
"""Variables whose value is, or contains, a secret."""


class PipelineError(Exception):
    """Base of every error that this project raises on purpose."""


class SettingError(PipelineError):
    """A variable of the environment is missing or has a value that cannot be used."""

    def __init__(self, variable: str, value: str | None, reason: str) -> None:
        """The message has the beginning of the value, unless it may be a secret."""
        if value is None:
            state = "is not set"
        elif _SECRET.search(variable):
            state = "has an invalid value"
        else:
            state = f"is {value!r:.300}"
        super().__init__(f"{variable} {state}: {reason}")
        self.variable = variable


class WireError(PipelineError):
    """A value that cannot be written to, or read from, the wire."""

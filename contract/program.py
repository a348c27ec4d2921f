"""The end of a program of this project: its exit status, and an error in one line."""

import sys
from collections.abc import Callable

from contract.errors import PipelineError


def exit_status(run: Callable[[], object]) -> int:
    """Run a program; return 0, or 1 after an error of this project, which is printed on stderr."""
    try:
        run()
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0

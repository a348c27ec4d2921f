"""The end of a program of this project: its exit status, and an error in one line."""

import sys
from collections.abc import Callable

from contract.errors import PipelineError


def exit_status(run: Callable[[], object]) -> int:
    """Run a program; return 0, or 1 after an error of ours or of the system, which is printed."""
    try:
        run()
    except (PipelineError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0

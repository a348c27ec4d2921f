"""How a program of this project ends: with its exit status, and an error of ours as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable

from contract.errors import PipelineError


def exit_status(run: Callable[[], object]) -> int:
    """Run a program; return 0, or 1 after an error of this project, which is put on stderr."""
    try:
        run()
    except PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0

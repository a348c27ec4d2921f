"""Print what a service wrote, and go on as more comes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from stack.errors import StackError


def print_log(path: Path, follow: bool) -> None:
    """Copy a log to stdout; with ``follow`` until Ctrl-C.

    Raises:
        StackError: the service has written nothing yet.
    """
    if not path.exists():
        raise StackError(f"there is no {path}: was it started?")
    with path.open("rb") as log:
        try:
            while True:
                block = log.read(1 << 16)
                if block:
                    sys.stdout.buffer.write(block)
                    sys.stdout.buffer.flush()
                elif follow:
                    time.sleep(0.2)
                else:
                    return
        except KeyboardInterrupt:
            return

"""The processes of a task, identified by a variable of their environment.

The variable also identifies a child that has left its process group, a child whose parent has
ended, and the processes that a killed service has left running.
"""

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import psutil

ENV = "DATABRICKS_TASK"
"""Variable with the folder of the task to which a process belongs."""
GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""
POLL = 0.02
"""Seconds between two checks of processes that must end."""
LIMIT = 15.0
"""Seconds to wait for a process that outlives SIGKILL, because it waits for a disk."""


def of(folder: Path) -> list[psutil.Process]:
    """Living processes of the task in ``folder``, or of every task below it."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            task_folder = process.environ().get(ENV)
            if task_folder and Path(task_folder).is_relative_to(folder):
                found[process.pid] = process
                found |= {child.pid: child for child in process.children(recursive=True)}
    return [process for process in found.values() if _lives(process)]


def describe_exit(what: str, status: int) -> str:
    """How a process has ended, in a sentence without a full stop."""
    if status < 0:
        return f"{what} was ended by {signal.Signals(-status).name}"
    return f"{what} ended with exit code {status}"


async def end(folder: Path, grace: float = GRACE) -> None:
    """End every process of the task in ``folder``."""
    await asyncio.to_thread(_end, folder, grace)


def _end(folder: Path, grace: float) -> None:
    living = of(folder)
    _signal(living, signal.SIGTERM)
    _wait(living, grace)
    deadline = time.monotonic() + LIMIT
    # A check misses a process that another one is just starting, so repeat until none is left.
    while (living := of(folder)) and time.monotonic() < deadline:
        _signal(living, signal.SIGKILL)
        _wait(living, 1)


def _wait(processes: list[psutil.Process], limit: float) -> None:
    """Wait until all have ended; psutil's own wait would take a child's status from asyncio."""
    deadline = time.monotonic() + limit
    while any(map(_lives, processes)) and time.monotonic() < deadline:
        time.sleep(POLL)


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False

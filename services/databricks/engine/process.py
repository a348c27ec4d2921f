"""The processes of a task: found by a mark in their environment, whatever became of their parents.

A child that leaves its process group, or whose parent has ended, still has the mark; so have those
that a killed service has left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from pathlib import Path

import psutil

MARK = "DATABRICKS_TASK"
"""Variable that holds the folder of the task that a process belongs to."""
GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""
POLL = 0.02
"""Seconds between two looks at processes that are to end."""
LIMIT = 15.0
"""Seconds after which a process that outlives SIGKILL (it waits for a disk) is left alone."""


def of(folder: Path) -> list[psutil.Process]:
    """Living processes of the task in ``folder``, or of every task below it."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            mark = process.environ().get(MARK)
            if mark and Path(mark).is_relative_to(folder):
                found[process.pid] = process
                found |= {child.pid: child for child in process.children(recursive=True)}
    return [process for process in found.values() if _lives(process)]


async def end(folder: Path, grace: float = GRACE) -> None:
    """End every process of the task in ``folder``."""
    await asyncio.to_thread(_end, folder, grace)


def _end(folder: Path, grace: float) -> None:
    living = of(folder)
    _signal(living, signal.SIGTERM)
    _wait(living, grace)
    deadline = time.monotonic() + LIMIT
    # One that was just starting another may have escaped the last look.
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

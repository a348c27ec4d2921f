"""Shows the progress of a run, if stderr is a terminal."""

from __future__ import annotations

import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from emulator.delivery.accounting import Accounting

_INTERVAL = 0.2
"""Seconds between two updates: a run may send thousands of posts a second."""


class Meter:
    """A line on stderr with the counts of a run, below the messages."""

    def __init__(self, accounting: Accounting, posts: int | None) -> None:
        self._accounting = accounting
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("posts"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rows]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("posts", total=posts, rows="")
        self._next = 0.0

    def __enter__(self) -> Meter:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the line of counts; messages may still be printed."""
        self._progress.stop()

    def tick(self) -> None:
        """Update the counts, if the last update is old enough."""
        now = time.monotonic()
        if self._progress.disable or now < self._next:
            return
        self._next = now + _INTERVAL
        total = self._accounting.total
        rows = f"{total.acknowledged} rows acknowledged"
        if total.failed:
            rows += f", {total.failed} failed"
        if total.retried:
            rows += f", {total.retried} retried"
        self._progress.update(self._task, completed=self._accounting.posts, rows=rows)

    def say(self, line: str) -> None:
        """Print a message."""
        self._console.print(f"emulator: {line}", markup=False)

"""Runs ``notebook_task``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.jobs_api.runner.outcome import Outcome


def run_notebook(task: dict[str, Any], folder: Path, outcome: Outcome) -> None:
    """Run a notebook."""
    raise NotImplementedError("notebook_task")

"""The report of a task for the service: its error, its result, the task values that it set."""

import json
import os
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

from contract.causes import innermost

RESULT_CHARACTERS = 5_242_880 // 4
"""Characters of a notebook's result; Databricks' limit is 5 MB."""
TRACE_CHARACTERS = 100_000


class TaskReport:
    """The report of a task: collected while it runs, written once at its end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "outcome.json"
        self._report: dict[str, Any] = {}
        self.values: dict[str, str] = {}
        """Task values, as text."""

    def failed(self, error: BaseException, message: str = "", trace: str = "") -> None:
        """Record an error; its traceback starts at the code of the task."""
        self._report["error"] = _error_text(error)
        self._report["trace"] = (trace or formatted(error))[-TRACE_CHARACTERS:]
        if message:
            self._report["message"] = message

    def exited(self, result: str) -> None:
        """Record the result of a notebook."""
        self._report["notebook_result"] = result[:RESULT_CHARACTERS]
        self._report["notebook_truncated"] = len(result) > RESULT_CHARACTERS

    @property
    def has_failed(self) -> bool:
        """Whether an error was recorded."""
        return "error" in self._report

    def write(self) -> None:
        """Write the report atomically."""
        new = self._path.with_suffix(".new")
        report = self._report | {"values": self.values}
        new.write_text(json.dumps(report), encoding="utf-8")
        os.replace(new, self._path)


def _error_text(error: BaseException) -> str:
    """An error with its message, or with the innermost cause if the message hides it."""
    name, text = type(error).__name__, str(error).strip()
    cause = innermost(error).removeprefix(f"{name}: ")
    if cause in text.partition("\n")[0]:
        cause = text
    return f"{name}: {cause}" if text else name


def formatted(error: BaseException, skip: str = os.path.dirname(__file__)) -> str:
    """The traceback of an error, without the frames of the runner before the task's code."""
    frames: TracebackType | None = error.__traceback__
    while frames and (
        frames.tb_frame.f_code.co_filename.startswith(skip)
        or frames.tb_frame.f_code.co_filename == "<frozen runpy>"
    ):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))

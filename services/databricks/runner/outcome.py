"""The report of a task for the service: its error, its result, the task values that it set."""

import json
import os
import re
import traceback
from pathlib import Path
from typing import Any

from contract.causes import innermost

RESULT_CHARACTERS = 5_242_880 // 4
"""Characters of a notebook's result; Databricks' limit is 5 MB."""
TRACE_CHARACTERS = 100_000
_SKIPPED = re.compile(
    rf"^{re.escape(os.path.dirname(__file__))}|/site-packages/(IPython|ipykernel)/|<frozen runpy>"
)
"""Files of the runner, and what calls the code of a cell."""


class TaskReport:
    """The report of a task: collected while it runs, written once at its end."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "outcome.json"
        self._report: dict[str, Any] = {}
        self.values: dict[str, str] = {}
        """Task values, as text."""
        self.secrets: set[str] = set()
        """Texts that its errors show as ``[REDACTED]``."""

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
        for name in {"error", "trace", "message"} & self._report.keys():
            for secret in self.secrets:
                self._report[name] = self._report[name].replace(secret, "[REDACTED]")
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


def formatted(error: BaseException) -> str:
    """The traceback of an error, without the frames of the runner and of IPython."""
    found = traceback.TracebackException.from_exception(error)
    at: traceback.TracebackException | None = found
    while at:
        frames = [frame for frame in at.stack if not _SKIPPED.search(frame.filename)]
        at.stack = traceback.StackSummary.from_list(frames)
        at = at.__cause__ or at.__context__
    return "".join(found.format())

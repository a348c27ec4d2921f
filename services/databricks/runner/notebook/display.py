"""What a notebook shows: ``display``, ``displayHTML``, printed text, stored with the run.

``cells.jsonl`` has one line for each cell that has run; the page of the run shows it.
"""

import io
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from services.databricks.runner.notebook.cells import Cell

ROWS = 1000
"""Rows of a table that are kept; there may be more."""
CHARACTERS = 200_000
"""Characters of a text, of HTML or of a source that are kept."""
CELL_CHARACTERS = 1_000_000
"""Characters of a cell with all that it shows; its outputs are dropped beyond."""
FILE_BYTES = 8_000_000
"""Bytes of all cells; those that follow show nothing."""


class Shown:
    """Collects what cells show."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "cells.jsonl"
        self._outputs: list[dict[str, Any]] = []
        self.secrets: set[str] = set()
        """Texts that are shown as ``[REDACTED]``."""

    def display(self, value: Any, *_: Any, **__: Any) -> None:
        """Show a data frame as a table, anything else as HTML or text."""
        if isinstance(value, DataFrame) or hasattr(value, "sparkSession"):
            if value.isStreaming:
                query = value.writeStream.format("memory").queryName(f"display_{id(value)}").start()
                self.text(f"streaming query {query.name} has started")
            else:
                rows = value.limit(ROWS + 1).collect()
                self.table(value.columns, (tuple(row) for row in rows[:ROWS]), len(rows) > ROWS)
        elif hasattr(value, "itertuples"):  # pandas
            rows = list(value.head(ROWS).itertuples(index=False, name=None))
            self.table([str(name) for name in value.columns], rows, len(value) > ROWS)
        elif isinstance(value, list | tuple) and value and (names := _names(value[0])):
            self.table(names, value[:ROWS], len(value) > ROWS)
        elif hasattr(value, "_repr_html_"):
            self.html(value._repr_html_())
        else:
            self.text(repr(value))

    def method(self) -> Callable[..., None]:
        """The method ``display`` that Databricks gives to data frames."""
        return lambda frame, *_, **__: self.display(frame)

    def table(self, columns: list[str], rows: Iterable[Iterable[Any]], more: bool) -> None:
        """Show a table; values are shown as texts."""
        texts = [[self._clean("null" if v is None else str(v)) for v in row] for row in rows]
        self._outputs.append({"kind": "table", "columns": columns, "rows": texts, "more": more})

    def html(self, html: str) -> None:
        """Show HTML."""
        self._outputs.append({"kind": "html", "html": self._clean(str(html))[:CHARACTERS]})

    def text(self, text: str) -> None:
        """Show text; what follows text is one with it."""
        text = self._clean(text)
        last = self._outputs[-1] if self._outputs else {}
        if last.get("kind") == "text":
            last["text"] = (last["text"] + text)[:CHARACTERS]
        else:
            self._outputs.append({"kind": "text", "text": text[:CHARACTERS]})

    def end_cell(self, cell: Cell, notebook: str, state: str) -> None:
        """Keep a cell with what it has shown."""
        line = {
            "number": cell.number,
            "notebook": notebook,
            "language": cell.language,
            "source": self._clean(cell.source)[:CHARACTERS],
            "state": state,
            "outputs": self._outputs,
        }
        self._outputs = []
        encoded = json.dumps(line)
        size = self._path.stat().st_size if self._path.exists() else 0
        if len(encoded) > CELL_CHARACTERS or size + len(encoded) > FILE_BYTES:
            note = {"kind": "text", "text": "What this cell has shown is too long to be kept."}
            encoded = json.dumps(line | {"outputs": [note]})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(encoded + "\n")

    def _clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "[REDACTED]")
        return text


def _names(value: Any) -> list[str]:
    """Names of the values of a row of Spark, or of a named tuple."""
    return list(getattr(value, "__fields__", getattr(value, "_fields", ())))


class Tee(io.TextIOBase):
    """Standard output of a notebook: goes to the log and is shown with its cell."""

    def __init__(self, shown: Shown) -> None:
        self._shown, self._log = shown, sys.__stdout__

    def write(self, text: str) -> int:
        """Write to both."""
        assert self._log is not None
        if text:
            self._shown.text(text)
            self._log.write(self._shown._clean(text))
        return len(text)

    def flush(self) -> None:
        """Flush the log."""
        assert self._log is not None
        self._log.flush()

"""Exported notebooks as cells of IPython.

source    a .py or .sql file: ``# Databricks notebook source``, cells parted by
          ``# COMMAND ----------``, cells in another language behind ``# MAGIC``; SQL has ``--``
Jupyter   an .ipynb file
"""

import json
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.databricks.workspace import normal

SUFFIXES = (".py", ".ipynb", ".sql")
_HEAD = "Databricks notebook source"
_MAGIC = re.compile(r"\s*%{1,2}(python|sql|md|md-sandbox|run|sh|fs|scala|r)(?=\s|$)[ \t]*")
"""Magics that decide on the language of a whole cell."""


class NotebookError(Exception):
    """A notebook can't be found or read, or contains a cell that can't be run here."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its place in the notebook, from 1, its language, and its text for IPython."""

    number: int
    language: str
    source: str

    @property
    def is_code(self) -> bool:
        """Whether the cell is run."""
        return self.language != "md"


def find(path: str) -> Path | None:
    """The file of a notebook, whose path may lack the suffix."""
    wanted = Path(path)
    candidates = [wanted, *(wanted.with_name(wanted.name + suffix) for suffix in SUFFIXES)]
    return next((item for item in candidates if item.is_file()), None)


def opened(local: str, path: str) -> tuple[Path, list[Cell]]:
    """The file and the cells of the notebook at a local path, which may lack the suffix.

    Raises:
        NotebookError: the notebook does not exist, or can't be read; names its workspace path.
    """
    file = find(local)
    if file is None:
        raise NotebookError(
            f'Unable to access the notebook "{path}". Either it does not exist, or the '
            "identity used to run this job lacks the required permissions."
        )
    return file, load(file)


def workspace_path(notebook: str, path: str) -> str:
    """The workspace path that ``path`` means in a notebook."""
    return normal(posixpath.join(posixpath.dirname(notebook), path))


def load(path: Path) -> list[Cell]:
    """Read the cells of a notebook.

    Raises:
        NotebookError: the file is not a notebook.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
    except UnicodeDecodeError as error:
        raise NotebookError(f"{path.name} is no notebook: {error}") from None
    if path.suffix == ".ipynb":
        return _jupyter(text, path)
    mark, language = ("--", "sql") if path.suffix == ".sql" else ("#", "python")
    if text.partition("\n")[0].strip() != f"{mark} {_HEAD}":
        raise NotebookError(f"{path.name} is no notebook: its first line is not '{mark} {_HEAD}'")
    return _source(text, mark, language)


def document(cells: list[Cell]) -> dict[str, Any]:
    """A Jupyter notebook of these cells, without outputs."""
    code: dict[str, Any] = {"cell_type": "code", "execution_count": None, "outputs": []}
    return {
        "cells": [
            {"id": f"cell-{cell.number}", "metadata": {}, "source": cell.source}
            | (code if cell.is_code else {"cell_type": "markdown"})
            for cell in cells
        ],
        "metadata": {"language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _source(text: str, mark: str, language: str) -> list[Cell]:
    body, magic = text.partition("\n")[2], f"{mark} MAGIC"
    cells = []
    blocks = re.split(rf"^{mark} COMMAND ----------[ \t]*$", body, flags=re.MULTILINE)
    for number, block in enumerate(blocks, 1):
        lines = [line for line in block.split("\n") if not line.startswith(f"{mark} DBTITLE")]
        magics = [line for line in lines if line.startswith(magic)]
        if magics:
            lines = [line.removeprefix(magic).removeprefix(" ") for line in magics]
        cells.append(_cell(number, "\n".join(lines), language))
    return [cell for cell in cells if cell.source]


def _jupyter(text: str, path: Path) -> list[Cell]:
    try:
        book: dict[str, Any] = json.loads(text)
        items = book["cells"]
    except (ValueError, KeyError, TypeError):
        raise NotebookError(f"{path.name} is no Jupyter notebook") from None
    databricks = book.get("metadata", {}).get("application/vnd.databricks.v1+notebook", {})
    language = databricks.get("language", "python")
    cells = []
    for number, item in enumerate(items, 1):
        source = item.get("source", "")
        source = source if isinstance(source, str) else "".join(source)
        if item.get("cell_type") == "markdown":
            cells.append(Cell(number, "md", source.strip()))
        elif item.get("cell_type") == "code":
            cells.append(_cell(number, source, language))
    return [cell for cell in cells if cell.source]


def _cell(number: int, text: str, language: str) -> Cell:
    text = text.strip("\n").rstrip()
    match = _MAGIC.match(text)
    if match and match[1].startswith("md"):
        return Cell(number, "md", text[match.end() :].strip())
    if match or not text.strip():
        return Cell(number, match[1] if match else language, text)
    if language != "python" and not text.lstrip().startswith("%"):
        text = f"%{language}\n{text}"
    return Cell(number, language, text)


def cell_magic(lines: list[str]) -> list[str]:
    """Turn ``%sql`` and the like in the first line of a cell into a cell magic of IPython.

    Databricks writes one per cent sign. The lines of Python keep their numbers.
    """
    match = _MAGIC.match(lines[0]) if lines else None
    if not match:
        return lines
    rest = lines[0][match.end() :] or "\n"
    if match[1] == "python":
        return [rest, *lines[1:]]
    # IPython refuses a cell magic without a second line.
    return [f"%%{match[1]} {rest}", *(lines[1:] or ["\n"])]

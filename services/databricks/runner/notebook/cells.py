"""Exported notebooks, both forms, as cells.

source    a .py file: ``# Databricks notebook source``, cells parted by ``# COMMAND ----------``,
          cells in another language behind ``# MAGIC``
Jupyter   an .ipynb file, cells in another language behind ``%sql`` and the like
"""

import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.databricks.workspace import normal

HEAD = "# Databricks notebook source"
BREAK = "# COMMAND ----------"
MAGIC = "# MAGIC"
TITLE = "# DBTITLE"
SUFFIXES = (".py", ".ipynb")
_MAGIC = re.compile(r"%([a-z]\w*)[ \t]*")
_IDLE = ("autoreload", "config", "load_ext", "matplotlib", "reload_ext")
"""Line magics that change nothing in a job."""


class NotebookError(Exception):
    """A notebook can't be found or read, or holds a cell that can't be run here."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its place in the notebook, from 1, its language, its text without the magic."""

    number: int
    language: str
    source: str


def find(path: str) -> Path | None:
    """The file of a notebook, whose path may lack the suffix."""
    wanted = Path(path)
    candidates = [wanted, *(wanted.with_name(wanted.name + suffix) for suffix in SUFFIXES)]
    return next((item for item in candidates if item.is_file()), None)


def workspace_path(notebook: str, path: str) -> str:
    """The workspace path that ``path`` means in a notebook."""
    return normal(posixpath.join(posixpath.dirname(notebook), path))


def load(path: Path) -> list[Cell]:
    """Read the cells of a notebook.

    Raises:
        NotebookError: it is in neither form.
    """
    text = path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
    if path.suffix == ".ipynb":
        return _jupyter(text, path)
    if text.partition("\n")[0].strip() != HEAD:
        raise NotebookError(f"{path.name} is no notebook: its first line is not {HEAD!r}")
    return _source(text)


def _source(text: str) -> list[Cell]:
    body = text.partition("\n")[2]
    blocks = re.split(rf"^{re.escape(BREAK)}[ \t]*$", body, flags=re.MULTILINE)
    cells = []
    for number, block in enumerate(blocks, 1):
        lines = [line for line in block.split("\n") if not line.startswith(TITLE)]
        magic = [line for line in lines if line.startswith(MAGIC)]
        if magic:
            lines = [line.removeprefix(MAGIC).removeprefix(" ") for line in magic]
        cells.append(_cell(number, "\n".join(lines), "python"))
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
    match = _MAGIC.match(text.lstrip())
    if match and match[1] not in _IDLE:
        name, rest = match[1], text.lstrip()[match.end() :]
        if name == "pip" and "\n" in rest.strip():
            return Cell(number, "python", text.strip())  # lines of code follow
        return Cell(number, name, rest.strip("\n") if name == "python" else rest.strip())
    return Cell(number, language, text)


def line_magics(source: str) -> tuple[str, list[str]]:
    """Part Python code from its ``%pip`` lines; lines of the code keep their numbers.

    Raises:
        NotebookError: another magic command, which can't be run in a line.
    """
    code, pip = [], []
    lines = iter(source.split("\n"))
    for line in lines:
        match = _MAGIC.match(line)
        if match and match[1] == "pip":
            words = line[match.end() :]
            while words.endswith("\\"):
                words = words[:-1] + next(lines, "")
                code.append("")
            pip.append(words)
        elif match and match[1] not in _IDLE:
            raise NotebookError(f"%{match[1]} can't stand within a cell of Python")
        code.append("" if match else line)
    return "\n".join(code), pip


_QUOTED = r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|`[^`]*`|--[^\n]*|/\*.*?\*/"


def bound(statement: str, values: Mapping[str, str]) -> str:
    """A statement with ``:name`` outside of quotes replaced by the value's literal.

    Spark would take the values themselves, but Delta's parser loses them (delta-spark 4.4.0).
    """

    def literal(match: re.Match[str]) -> str:
        if not match[1] or match[1] not in values:
            return match[0]
        return "'" + values[match[1]].replace("\\", "\\\\").replace("'", "\\'") + "'"

    return re.sub(rf"{_QUOTED}|::|:([A-Za-z_]\w*)", literal, statement, flags=re.DOTALL)


def statements(text: str) -> list[str]:
    """SQL statements of a cell: parted by semicolons outside of quotes and comments."""
    found, start = [], 0
    for match in re.finditer(f"{_QUOTED}|;", text, re.DOTALL):
        if match[0] == ";":
            found.append(text[start : match.start()])
            start = match.end()
    found.append(text[start:])
    bare = [re.sub(r"--[^\n]*|/\*.*?\*/", "", part, flags=re.DOTALL).strip() for part in found]
    return [part.strip() for part, rest in zip(found, bare, strict=True) if rest]

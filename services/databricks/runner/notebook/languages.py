"""Runs a cell, by its language."""

from __future__ import annotations

import ast
import linecache
import re
import shlex
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.databricks.runner.dbutils.fs import calls
from services.databricks.runner.libraries import install
from services.databricks.runner.notebook.cells import (
    Cell,
    NotebookError,
    bound,
    line_magics,
    statements,
    workspace_path,
)

if TYPE_CHECKING:
    from services.databricks.runner.notebook.notebook import Book

_ARGUMENT = re.compile(r"\$(\w+)\s*=\s*(\"[^\"]*\"|'[^']*'|\S+)")
_OLD_MARKER = re.compile(r"\$\{(\w+)\}|\$(\w+)")


class Languages:
    """The languages of one notebook's cells."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._known: dict[str, Callable[[Cell, str], None]] = {
            "python": self._python,
            "sql": self._sql,
            "md": lambda cell, path: None,
            "run": self._run,
            "pip": lambda cell, path: self._pip(cell.source),
            "sh": self._sh,
            "fs": self._fs,
        }

    def run(self, cell: Cell, path: str) -> None:
        """Run a cell of the notebook at ``path``.

        Raises:
            NotebookError: its language can't be run here.
        """
        if cell.language not in self._known:
            raise NotebookError(
                f"%{cell.language} can't be run here, only {', '.join(self._known)}"
            )
        self._known[cell.language](cell, path)

    def _python(self, cell: Cell, path: str) -> None:
        """Run Python; the value of a last expression is shown."""
        code, pip = line_magics(cell.source)
        for line in pip:
            self._pip(line)
        name = f"{path}, cell {cell.number}"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        tree = ast.parse(code, name)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, name, "exec"), self._book.names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), name, "eval"), self._book.names)
            if value is not None:
                shown = self._book.runtime.shown
                html = hasattr(value, "itertuples")
                shown.display(value) if html else shown.text(f"{value!r}\n")

    def _sql(self, cell: Cell, path: str) -> None:
        """Run SQL statements; ``:name`` and ``${name}`` are widgets. The last result is shown."""
        values = self._book.widgets.getAll()

        def old(match: re.Match[str]) -> str:
            return values.get(match[1] or match[2], match[0])

        for statement in statements(_OLD_MARKER.sub(old, cell.source)):
            frame = self._book.runtime.spark.sql(bound(statement, values))
            self._book.names["_sqldf"] = frame
            if frame.columns:
                self._book.runtime.shown.display(frame)

    def _run(self, cell: Cell, path: str) -> None:
        """Run the cells of another notebook with the names of this one."""
        target = shlex.split(_ARGUMENT.sub("", cell.source))
        if len(target) != 1:
            raise NotebookError(f"%run takes the path of one notebook: {cell.source}")
        given = {name: value.strip("\"'") for name, value in _ARGUMENT.findall(cell.source)}
        self._book.widgets.give(given)
        self._book.run_cells(workspace_path(path, target[0]))

    def _pip(self, line: str) -> None:
        """Install packages for this task alone."""
        verb, *words = shlex.split(line, comments=True) or [""]
        if verb != "install":
            raise NotebookError(f"%pip {verb} can't be run here, only install")
        runtime = self._book.runtime
        install([runtime.workspace.requirement(word) for word in words], runtime.folder)
        runtime.shown.text(f"installed: {' '.join(words)}\n")

    def _sh(self, cell: Cell, path: str) -> None:
        """Run a shell; with ``%sh -e`` its failure is the cell's."""
        strict = cell.source.startswith("-e")
        script = cell.source.removeprefix("-e")
        done = subprocess.run(
            ["bash", *(["-e"] if strict else []), "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._book.runtime.shown.text(done.stdout)
        if strict and done.returncode:
            raise subprocess.CalledProcessError(done.returncode, "%sh")

    def _fs(self, cell: Cell, path: str) -> None:
        """Call ``dbutils.fs``."""
        name, *words = shlex.split(cell.source)
        files = self._book.runtime.files
        if name not in calls(files):
            raise NotebookError(f"%fs {name} can't be run here, only {', '.join(calls(files))}")
        given = [word for word in words if word not in ("-r", "--recurse")]
        more = {"recurse": True} if len(given) < len(words) else {}
        self._book.runtime.shown.display(getattr(files, name)(*given, **more))

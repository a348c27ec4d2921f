"""Runs ``notebook_task``: a notebook, those that it runs, and the session that they share."""

from __future__ import annotations

import contextlib
import os
import sys
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from contract.errors import PipelineError
from services.databricks.runner.dbutils import dbutils
from services.databricks.runner.dbutils.dbfs import Dbfs
from services.databricks.runner.dbutils.fs import Files
from services.databricks.runner.notebook import cells, warehouse
from services.databricks.runner.notebook.cells import Cell, NotebookError
from services.databricks.runner.notebook.display import Shown, Tee
from services.databricks.runner.notebook.languages import Languages
from services.databricks.runner.notebook.limit import limited
from services.databricks.runner.outcome import TaskReport, formatted
from services.databricks.runner.queries import Queries
from services.databricks.workspace import Workspace, normal


class CellFailed(Exception):
    """A cell has raised: which one, and where."""

    def __init__(self, cell: Cell, path: str, error: BaseException) -> None:
        super().__init__(f"cell {cell.number} of {path} failed")
        self.cell, self.path, self.error = cell, path, error

    def trace(self) -> str:
        """The cell and the traceback of its error."""
        head = f"Cell {self.cell.number} of {self.path} ({self.cell.language}):"
        source = "\n".join(f"    {line}" for line in self.cell.source.splitlines())
        return f"{head}\n{source}\n\n{formatted(self.error)}"


class Book:
    """One notebook: its path in the workspace, its names, its widgets."""

    def __init__(self, runtime: Runtime, path: str, given: Mapping[str, str]) -> None:
        self.runtime, self.path = runtime, path
        self.widgets = dbutils.Widgets(given)
        context = dbutils.Context(runtime.context, path)
        notebook = dbutils.Notebook(self._call, context, self.widgets)
        self.dbutils = dbutils.DBUtils(
            runtime.files, self.widgets, runtime.secrets, notebook, runtime.values
        )
        module = types.ModuleType("__main__")
        self.names = module.__dict__
        self.names |= {
            "spark": runtime.spark,
            "sc": runtime.spark.sparkContext,
            "sql": runtime.spark.sql,
            "table": runtime.spark.table,
            "dbutils": self.dbutils,
            "display": runtime.shown.display,
            "displayHTML": runtime.shown.html,
            "getArgument": self.widgets.getArgument,
        }
        self._languages = Languages(self)

    def run(self) -> str:
        """Run it to its end; return its result."""
        try:
            self.run_cells(self.path)
        except dbutils.NotebookExit as end:
            return end.result
        return ""

    def run_cells(self, path: str) -> None:
        """Run the cells of a notebook with the names of this one.

        Raises:
            CellFailed: one has raised.
        """
        with self.runtime.on_path(path) as file:
            for cell in cells.load(file):
                try:
                    with self.runtime.queries.cell(cell, path):
                        self._languages.run(cell, path)
                except dbutils.NotebookExit:
                    self.runtime.shown.end_cell(cell, path, "exited")
                    raise
                except CellFailed:
                    self.runtime.shown.end_cell(cell, path, "failed")
                    raise
                except BaseException as error:
                    self.runtime.shown.end_cell(cell, path, "failed")
                    raise CellFailed(cell, path, error) from error
                self.runtime.shown.end_cell(cell, path, "ok")

    def _call(self, path: str, timeout: int, arguments: Mapping[str, str]) -> str:
        book = Book(self.runtime, cells.workspace_path(self.path, path), arguments)
        with limited(timeout, path):
            return book.run()


class Runtime:
    """What the notebooks of a run share."""

    def __init__(
        self, task: dict[str, Any], folder: Path, outcome: TaskReport, queries: Queries
    ) -> None:
        dbfs = Dbfs(Path(task["dbfs"]))
        self.folder, self.queries = folder, queries
        self.context: dict[str, str] = task["context"]
        self.shown = Shown(folder)
        self.secrets = dbutils.Secrets(self.shown.secrets)
        self.values = dbutils.TaskValues(task["values"], outcome.values)
        self.workspace = Workspace(task["workspace"], dbfs.root)
        self.spark = SparkSession.builder.getOrCreate()
        warehouse.find_tables(self.spark, dbfs)
        self.files = Files(self.spark, dbfs)
        DataFrame.display = self.shown.method()
        dbfs.take_over_files()

    @contextlib.contextmanager
    def on_path(self, path: str) -> Iterator[Path]:
        """Find a notebook; while it runs, modules in its folder can be imported.

        Raises:
            NotebookError: the notebook does not exist.
        """
        try:
            file = cells.find(self.workspace.notebook(path))
        except PipelineError as error:
            raise NotebookError(str(error)) from error
        if file is None:
            raise NotebookError(
                f'Unable to access the notebook "{path}". Either it does not exist, or the '
                "identity used to run this job lacks the required permissions."
            )
        folder = str(file.parent)
        before = os.getcwd()
        sys.path.insert(0, folder)
        os.chdir(folder)
        try:
            yield file
        finally:
            os.chdir(before)
            sys.path.remove(folder)


def run_notebook(task: dict[str, Any], folder: Path, outcome: TaskReport, queries: Queries) -> None:
    """Run the notebook of a task, and wait for the streams that it has started.

    Raises:
        StreamingQueryFailed: a query of a cell has failed, and the cell with it.
    """
    runtime = Runtime(task, folder, outcome, queries)
    sys.modules["pyspark.dbutils"] = types.ModuleType("pyspark.dbutils")
    fields = task["notebook_task"]
    book = Book(runtime, normal(fields["notebook_path"]), fields.get("base_parameters", {}))
    sys.modules["pyspark.dbutils"].DBUtils = lambda *_: book.dbutils  # type: ignore[attr-defined]
    try:
        with contextlib.redirect_stdout(Tee(runtime.shown)):
            outcome.exited(book.run())
            queries.wait()
    except CellFailed as failure:
        if behind := queries.behind(failure.error, failure.trace()):
            raise behind from None
        # One that failed before may be why.
        trace = "\n".join([failure.trace(), *map(str, queries.failures())])
        outcome.failed(failure.error, trace=trace)
        sys.stderr.write(trace)

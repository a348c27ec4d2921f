"""The shell of a notebook's kernel: the names of its cells, and the notebooks that it runs.

Threads of a cell may run notebooks at the same time, as Databricks' guides do. Each such thread has
names, a session and a path of its own; the working folder belongs to the process, so it stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ipykernel.compiler import XCachingCompiler
from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from pyspark.sql import DataFrame, SparkSession
from traitlets import Type

from contract.errors import PipelineError
from services.databricks.notebook import (
    Cell,
    NotebookError,
    cell_magic,
    load,
    opened,
    workspace_path,
)
from services.databricks.runner import libraries
from services.databricks.runner.dbutils import dbutils, modules
from services.databricks.runner.kernel.display import display, summarize
from services.databricks.runner.kernel.limit import is_main_thread, limited
from services.databricks.runner.kernel.magics import Magics, run_printing
from services.databricks.runner.kernel.runtime import Runtime
from services.databricks.runner.outcome import formatted


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


def _print_page(_: Any, data: Any, **__: Any) -> None:
    """Print the help that ``x?`` shows."""
    print(data["text/plain"] if isinstance(data, dict) else data)


def _leave(code: Any = None) -> None:
    """End the notebook."""
    raise SystemExit(code)


class Book:
    """One notebook: its path in the workspace, its session, its names and its widgets."""

    def __init__(
        self, shell: NotebookShell, path: str, given: Mapping[str, str], spark: SparkSession
    ) -> None:
        runtime = shell.runtime
        self.path, self.spark = path, spark
        self.widgets = dbutils.Widgets(given)
        context = dbutils.Context(runtime.context, path)
        notebook = dbutils.Notebook(shell.call, context, self.widgets)
        self.dbutils = dbutils.DBUtils(
            runtime.files, self.widgets, runtime.secrets, notebook, runtime.values, summarize
        )
        self.names = {
            **modules.names_of(spark, self.dbutils),
            "exit": _leave,
            "quit": _leave,
            "open": open,  # IPython's own does not know /dbfs
        }


class _Compiler(XCachingCompiler):
    """Names the code of a cell after its notebook."""

    def __init__(self, shell: NotebookShell) -> None:
        super().__init__()
        self._shell = shell

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        return self._shell.code_name or str(super().get_code_name(raw_code, code, number))


class _OfThread:
    """An attribute of the notebook that a thread runs; other threads share the main thread's."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, shell: NotebookShell | None, owner: type) -> Any:
        if shell is None:
            return self
        try:
            return shell.values[self._name]
        except KeyError:
            raise AttributeError(self._name) from None

    def __set__(self, shell: NotebookShell, value: Any) -> None:
        shell.values[self._name] = value


class NotebookShell(ZMQInteractiveShell):
    """Runs the cells of a notebook, and of the notebooks that these run."""

    user_module = _OfThread()
    user_ns = _OfThread()
    runtime: Runtime
    book = _OfThread()
    path = _OfThread()
    """The notebook of the current cell: the task's, or one that ``%run`` includes."""
    code_name = _OfThread()
    """Names the code of the current cell."""
    _depth = _OfThread()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._main: dict[str, Any] = {"code_name": None, "_depth": 0}
        self._thread = threading.local()
        super().__init__(*args, **kwargs)
        self.compile = _Compiler(self)
        self.failure: CellFailed | None = None
        self._innermost: CellFailed | None = None
        self.result = ""
        self._cells: Iterator[Cell] = iter(())
        self._stack = contextlib.ExitStack()
        self._cell = Cell(0, "python", "")
        self.runtime_at_first_cell: Callable[[], Runtime] | None = None
        Magics(self)
        self.input_transformers_cleanup.append(cell_magic)
        self.set_hook("show_in_pager", _print_page)
        warnings.filterwarnings("ignore", "To exit: use")

    @property
    def values(self) -> dict[str, Any]:
        """The attributes of the current thread's notebook."""
        found: dict[str, Any] = getattr(self._thread, "values", self._main)
        return found

    def open(self, runtime: Runtime) -> None:
        """Prepare for the cells of the task's notebook."""
        self._attach(runtime)
        file = self._file(runtime.path)
        self._enter_folder(self._stack, file.parent)
        self._cells = (cell for cell in load(file) if cell.is_code)

    async def run_cell_async(self, *args: Any, **kwargs: Any) -> Any:
        """Run a cell; an interactive kernel attaches to its cluster before its first one."""
        if self.runtime_at_first_cell and not kwargs.get("silent"):
            try:
                runtime = self.runtime_at_first_cell()
                self._attach(runtime)
                folder = Path(runtime.workspace.notebook(runtime.path)).parent
                self._enter_folder(self._stack, folder)
                self.runtime_at_first_cell = None
            except BaseException:  # which is the cell's
                kwargs["preprocessing_exc_tuple"] = sys.exc_info()
        return await super().run_cell_async(*args, **kwargs)

    def _attach(self, runtime: Runtime) -> None:
        self.runtime, self.path = runtime, runtime.path
        self.book = Book(self, runtime.path, runtime.given, runtime.spark)
        self.user_ns.update(self.book.names)
        DataFrame.display = lambda frame, *_, **__: display(frame)
        modules.install(lambda: self.book.names)
        self.events.register("pre_run_cell", self._before_cell)
        self.events.register("post_run_cell", self._after_cell)

    def _before_cell(self, info: Any) -> None:
        if self._depth == 0:
            own = Cell(self.execution_count, "python", info.raw_cell)
            self._cell = next(self._cells, own)
            self._in_cell = contextlib.ExitStack()
            self._in_cell.enter_context(self._at(self._cell, self.path))

    def _after_cell(self, result: Any) -> None:
        if self._depth > 1:
            return
        self._in_cell.close()
        error = result.error_before_exec or result.error_in_exec
        if isinstance(error, dbutils.NotebookExit):
            self.result = error.result
        elif error is not None and not _is_end(error):
            self._record(self._cell, self.path, error)
            self.failure = self._innermost
        libraries.use_installed(self.runtime.folder)

    def _record(self, cell: Cell, path: str, error: BaseException) -> None:
        """Record the innermost cell that has raised an error."""
        if self._innermost is None or self._innermost.error is not error:
            self._innermost = CellFailed(cell, path, error)

    def system(self, cmd: str) -> None:
        """Run a shell command (``!ls``) and print its output."""
        command = ["bash", "-c", self.var_expand(cmd, depth=1)]
        self.user_ns["_exit_code"] = run_printing(command)

    @contextlib.contextmanager
    def _at(self, cell: Cell, path: str) -> Iterator[None]:
        """Run a cell of the notebook at ``path`` in the block."""
        before, self.path = getattr(self, "path", path), path
        name, self.code_name = self.code_name, f"{path}, cell {cell.number}"
        self._depth += 1
        try:
            with self.runtime.queries.cell(cell, path):
                yield
        finally:
            self._depth -= 1
            self.path, self.code_name = before, name

    def run_cells(self, path: str) -> None:
        """Run the cells of a notebook with the names of this one.

        Raises:
            BaseException: what a cell has raised.
        """
        with contextlib.ExitStack() as stack:
            file = self._file(path)
            self._enter_folder(stack, file.parent)
            for cell in load(file):
                if not cell.is_code:
                    continue
                with self._at(cell, path):
                    result = self._run_nested(cell.source)
                if error := result.error_before_exec or result.error_in_exec:
                    self._record(cell, path, error)
                    raise error

    def _run_nested(self, source: str) -> Any:
        """Run a cell within another one; a loop of asyncio that runs already is entered again."""
        code = self.transform_cell(source)
        if self.should_run_async(source, transformed_cell=code):
            if not is_main_thread():  # IPython's own loop is the main thread's
                with contextlib.closing(asyncio.new_event_loop()) as loop:
                    return loop.run_until_complete(
                        self.run_cell_async(source, transformed_cell=code)
                    )
            import nest_asyncio2

            nest_asyncio2.apply()
        return self.run_cell(source)

    def call(self, path: str, timeout: int, arguments: Mapping[str, str]) -> str:
        """Run another notebook, with names and a session of its own; return its result."""
        path = workspace_path(self.path, path)
        outer, module = dict(self.values), types.ModuleType("__main__")
        main = sys.modules["__main__"]
        if begins := not is_main_thread() and not hasattr(self._thread, "values"):
            self._thread.values = outer | {"_depth": 1}
        try:
            with self.runtime.new_session() as spark, limited(timeout, path):
                self.book = Book(self, path, arguments, spark)
                self.user_module, self.user_ns = module, module.__dict__
                if is_main_thread():
                    sys.modules["__main__"] = module
                self.init_user_ns()
                self.user_ns.update(self.book.names)
                self.run_cells(path)
        except dbutils.NotebookExit as end:
            return end.result
        except SystemExit as end:
            if not _is_end(end):
                raise
        finally:
            self.values.update(outer)
            if begins:
                del self._thread.values
            if is_main_thread():
                sys.modules["__main__"] = main
        return ""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """Show a traceback once: a cell within another raises its error there again."""
        if self._depth <= 1 and not _is_end(evalue):
            super()._showtraceback(etype, evalue, stb)

    def _file(self, path: str) -> Path:
        """The file of a notebook.

        Raises:
            NotebookError: the notebook does not exist.
        """
        try:
            return opened(self.runtime.workspace.notebook(path), path)[0]
        except PipelineError as error:
            raise NotebookError(str(error)) from error

    @staticmethod
    def _enter_folder(stack: contextlib.ExitStack, folder: Path) -> None:
        """Until the stack ends, modules in the folder can be imported, and paths begin there."""
        sys.path.insert(0, str(folder))
        stack.callback(sys.path.remove, str(folder))
        if not is_main_thread():
            return
        stack.callback(os.chdir, os.getcwd())
        os.chdir(folder)


class NotebookKernel(IPythonKernel):
    """A kernel with the shell of notebooks."""

    shell_class = Type(NotebookShell)


def _is_end(error: BaseException) -> bool:
    """Whether an exception ends a notebook without a failure."""
    return isinstance(error, dbutils.NotebookExit) or (
        isinstance(error, SystemExit) and error.code in (None, 0)
    )

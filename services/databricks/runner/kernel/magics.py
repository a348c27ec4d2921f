"""The magics of Databricks: ``%sql``, ``%run``, ``%sh``, ``%fs``, ``%md``, ``%pip``."""

from __future__ import annotations

import re
import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from IPython.core.magic import no_var_expand
from IPython.display import Markdown
from IPython.display import display as show

from services.databricks.notebook import NotebookError, workspace_path
from services.databricks.runner import libraries
from services.databricks.runner.dbutils.fs import calls
from services.databricks.runner.kernel.display import display
from services.databricks.runner.kernel.sql import bound, define, statements

if TYPE_CHECKING:
    from services.databricks.runner.kernel.shell import NotebookShell

_ARGUMENT = re.compile(r"\$(\w+)\s*=\s*(\"[^\"]*\"|'[^']*'|\S+)")


class Magics:
    """The magics of a notebook's shell, each for a line and for a whole cell."""

    def __init__(self, shell: NotebookShell) -> None:
        self._shell = shell
        for name in ("sql", "md", "run", "sh", "fs", "pip", "scala", "r"):
            call = self._magic(name, getattr(self, f"_{name}", None))
            for kind in ("line", "cell"):
                shell.register_magic_function(call, kind, name)
        shell.register_magic_function(self._magic("md", self._md), "cell", "md-sandbox")

    def _magic(self, name: str, run: Any) -> Any:
        def call(line: str, cell: str = "") -> None:
            if run is None:
                raise NotebookError(f"%{name} can't be run here, only Python, SQL and a shell")
            run(f"{line}\n{cell}".strip())

        return no_var_expand(call)

    def _sql(self, text: str) -> None:
        """Run SQL statements, which may create widgets and name them. The last result is shown."""
        book = self._shell.book
        frame = None
        for statement in statements(text):
            if not define(statement, book.widgets):
                frame = book.spark.sql(bound(statement, book.widgets.getAll()))
        if frame is not None:
            self._shell.user_ns["_sqldf"] = frame
            if frame.columns:
                display(frame)

    def _md(self, text: str) -> None:
        show(Markdown(text))

    def _run(self, text: str) -> None:
        """Run the cells of another notebook with the names of this one."""
        target = shlex.split(_ARGUMENT.sub("", text), comments=True)
        if len(target) != 1:
            raise NotebookError(f"%run takes the path of one notebook: {text}")
        given = {name: value.strip("\"'") for name, value in _ARGUMENT.findall(text)}
        self._shell.book.widgets.give(given)
        self._shell.run_cells(workspace_path(self._shell.path, target[0]))

    def _pip(self, text: str) -> None:
        """Run pip for this notebook alone."""
        runtime = self._shell.runtime
        for line in text.splitlines():
            if words := shlex.split(line, comments=True):
                given = [runtime.workspace.requirement(word) for word in words]
                print(libraries.pip(given, runtime.folder))
                libraries.use_installed(runtime.folder)

    def _sh(self, text: str) -> None:
        """Run a shell; with ``%sh -e`` its failure is the cell's."""
        strict = text.startswith("-e")
        script = text.removeprefix("-e")
        status = run_printing(["bash", *(["-e"] if strict else []), "-c", script])
        if strict and status:
            raise subprocess.CalledProcessError(status, "%sh")

    def _fs(self, text: str) -> None:
        """Call ``dbutils.fs``."""
        name, *words = shlex.split(text)
        files = self._shell.book.dbutils.fs
        if name not in calls(files):
            raise NotebookError(f"%fs {name} can't be run here, only {', '.join(calls(files))}")
        given = [word for word in words if word not in ("-r", "--recurse")]
        more = {"recurse": True} if len(given) < len(words) else {}
        display(getattr(files, name)(*given, **more))


def run_printing(command: list[str]) -> int:
    """Run a command and print its output as it comes; return its exit status."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="")
    return process.returncode

"""Runs one task; exits with 1 when it has failed."""

import importlib
import json
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from services.databricks.runner import addresses, catalogs, compat, libraries
from services.databricks.runner.after_import import after_import
from services.databricks.runner.cluster import ClusterLink, attach_pyspark
from services.databricks.runner.dbutils.modules import install_for_file
from services.databricks.runner.libraries import LibraryError, local
from services.databricks.runner.outcome import TaskReport, formatted
from services.databricks.runner.queries import Queries, StreamingQueryFailed

Run = Callable[[dict[str, Any], Path, TaskReport, Queries], None]


def _run(task: dict[str, Any], folder: Path, outcome: TaskReport, queries: Queries) -> None:
    """Run the task to its end, by its type; exit code 0 is success."""
    try:
        if "spark_python_task" in task:
            _run_file(task, folder)
        else:
            _run_wheel(task, folder)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


def _run_file(task: dict[str, Any], folder: Path) -> None:
    """Run a Python file as ``__main__`` with its arguments."""
    path = local(task["file"], folder)
    if not path.is_file():
        name = task["spark_python_task"]["python_file"]
        raise FileNotFoundError(f"Cannot read the python file {name}: it does not exist")
    sys.argv = [str(path), *task["spark_python_task"].get("parameters", [])]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")


def _run_wheel(task: dict[str, Any], folder: Path) -> None:
    """Call an entry point: from the package's metadata, else a function of its module."""
    wheel = task["python_wheel_task"]
    package, name = wheel["package_name"], wheel["entry_point"]
    named = [f"--{key}={value}" for key, value in wheel.get("named_parameters", {}).items()]
    sys.argv = [name, *wheel.get("parameters", []), *named]
    try:
        points = [p for p in metadata.distribution(package).entry_points if p.name == name]
    except metadata.PackageNotFoundError:
        points = []
    call = points[0].load() if points else getattr(importlib.import_module(package), name)
    returned = call()
    # The return value of a console script's function is its exit status.
    if isinstance(returned, int) and not isinstance(returned, bool) and returned:
        raise SystemExit(returned)


def main(folder: Path, run: Run = _run) -> int:
    """Run a task and report; return the exit status."""
    outcome, queries = TaskReport(folder), Queries()
    task: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))

    link = ClusterLink()

    def prepare() -> None:
        def on_session(spark: Any) -> None:
            # Not before: it imports modules of the jobs, in whose midst pyspark may be imported.
            runtime = importlib.import_module(task["runtime"])
            for name, value in task["spark_conf"].items():
                spark.conf.set(name, value)
            libraries.share(spark.sparkContext)
            # The module is the jobs': what it brings is no business of this service.
            runtime.prepare(spark)
            if link.is_first:
                from services.databricks.runner.warehouse import find_tables  # imports pyspark

                link.is_first = False
                find_tables(spark, Path(task["dbfs"]))

        attach_pyspark(link, on_session)
        queries.watch(link.report_streaming)
        compat.install(task["runtime_major"])
        addresses.install()
        catalogs.install()

    after_import("pyspark", prepare)
    try:
        libraries.prepare(task["libraries"], folder)
        install_for_file(task, outcome)
        run(task, folder, outcome, queries)
        for failure in queries.failures():
            raise failure
    except SystemExit as end:
        outcome.failed(end)
        if isinstance(end.code, str):
            sys.stderr.write(f"{end.code}\n")
    except LibraryError as error:
        outcome.failed(error, message=str(error))
        traceback.print_exception(error)
    except StreamingQueryFailed as failure:
        outcome.failed(failure, message=str(failure), trace=failure.trace)
        sys.stderr.write(failure.trace)
    except BaseException as error:
        behind = queries.behind(error, formatted(error))
        outcome.failed(behind or error, str(behind or ""), behind.trace if behind else "")
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    outcome.write()
    return 1 if outcome.has_failed else 0


if __name__ == "__main__":
    status = main(Path(sys.argv[1]).resolve())
    # Threads that still run (Spark's, or those of the task) must not keep the process alive.
    os._exit(status)

"""Runs one task; exits with 1 when it has failed."""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from services.jobs_api.runner.libraries import LibraryError, install
from services.jobs_api.runner.outcome import Outcome, formatted
from services.jobs_api.runner.python_tasks import run_file, run_wheel
from services.jobs_api.runner.queries import Queries, StreamingQueryFailed
from services.jobs_api.runner.release import release
from services.jobs_api.runner.sessions import after_import, set_defaults


def _run(task: dict[str, Any], folder: Path, outcome: Outcome, queries: Queries) -> None:
    """Run the task to its end, by its type; to exit with 0 is to succeed."""
    try:
        if "spark_python_task" in task:
            run_file(task, folder)
        elif "python_wheel_task" in task:
            run_wheel(task, folder)
        else:
            from services.jobs_api.runner.notebook import run_notebook  # brings pyspark

            run_notebook(task, folder, outcome, queries)
    except SystemExit as end:
        if end.code not in (None, 0):
            raise


def main(folder: Path) -> int:
    """Return the exit status."""
    outcome, queries = Outcome(folder), Queries()
    task: dict[str, Any] = json.loads((folder / "task.json").read_text(encoding="utf-8"))

    def prepare() -> None:
        set_defaults(task["spark_conf"])
        queries.watch()

    after_import("pyspark", prepare)
    try:
        install(task["wheels"], task["packages"], folder)
        _run(task, folder, outcome, queries)
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
    if not outcome.has_failed:
        outcome.clean = release()
    sys.stdout.flush()
    sys.stderr.flush()
    outcome.write()
    return 1 if outcome.has_failed else 0


if __name__ == "__main__":
    status = main(Path(sys.argv[1]).resolve())
    # Threads that the task has left (Spark's, or its own) don't keep the task alive.
    os._exit(status)

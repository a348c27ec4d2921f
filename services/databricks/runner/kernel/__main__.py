"""The kernel of a task's notebook; exits with 1 when the task has failed.

``python -m services.databricks.runner.kernel FOLDER CONNECTION_FILE`` takes the requests of the
service's client. ``get_ipython().finish()`` ends the notebook: the process then waits for the
streams that it has started, and writes the report of the task.
"""

import importlib
import os
import sys
import threading
from pathlib import Path
from typing import Any

from services.databricks.runner.__main__ import main
from services.databricks.runner.outcome import TaskReport
from services.databricks.runner.queries import Queries


def _imports() -> None:
    sys.modules["debugpy"] = None  # type: ignore[assignment]  # nobody debugs a task
    importlib.import_module("ipykernel.debugger")
    del sys.modules["debugpy"]
    for name in ("kernelapp", "zmqshell"):
        importlib.import_module(f"ipykernel.{name}")


def _run(task: dict[str, Any], folder: Path, outcome: TaskReport, queries: Queries) -> None:
    """Serve the client until it ends the notebook.

    Raises:
        StreamingQueryFailed: a query of a cell has failed, and the cell with it.
    """
    # The JVM works on the session meanwhile.
    imports = threading.Thread(target=_imports)
    imports.start()
    from services.databricks.runner.kernel.runtime import Runtime

    runtime = Runtime(task, folder, outcome, queries)
    imports.join()
    from services.databricks.runner.kernel import output
    from services.databricks.runner.kernel.shell import NotebookKernel

    output.secrets = outcome.secrets
    kernel = output.KernelApp.instance(NotebookKernel)
    kernel.initialize(["-f", sys.argv[2]])
    shell: Any = kernel.shell
    shell.open(runtime)
    shell.finish = lambda: kernel.io_loop.add_callback(kernel.io_loop.stop)
    kernel.start()
    if failure := shell.failure:
        if behind := queries.behind(failure.error, failure.trace()):
            raise behind from None
        # One that failed before may be why.
        trace = "\n".join([failure.trace(), *map(str, queries.failures())])
        outcome.failed(failure.error, trace=trace)
        sys.stderr.write(trace)
    else:
        outcome.exited(shell.result)
        queries.wait()


if __name__ == "__main__":
    status = main(Path(sys.argv[1]).resolve(), _run)
    # Threads that still run (Spark's, or those of the task) must not keep the process alive.
    os._exit(status)

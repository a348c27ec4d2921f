"""The kernel of a client outside; ends with the client's request, or with this service.

``python -m services.databricks.runner.kernel.interactive CONNECTION_FILE FOLDER`` takes the
requests that the gateway passes on. It attaches to the cluster before its first cell.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from services.databricks.runner import libraries
from services.databricks.runner.__main__ import main
from services.databricks.runner.outcome import TaskReport
from services.databricks.runner.queries import Queries


def _run(task: dict[str, Any], folder: Path, outcome: TaskReport, queries: Queries) -> None:
    """Serve clients until one ends the kernel."""
    from services.databricks.runner.cluster import cancel_jobs
    from services.databricks.runner.kernel import output
    from services.databricks.runner.kernel.runtime import Runtime
    from services.databricks.runner.kernel.shell import NotebookKernel

    def interrupt(*_: Any) -> NoReturn:
        cancel_jobs()
        raise KeyboardInterrupt

    class InteractiveKernel(NotebookKernel):
        def pre_handler_hook(self) -> None:
            super().pre_handler_hook()
            signal.signal(signal.SIGINT, interrupt)

        @contextlib.contextmanager
        def _cancel_on_sigint(self, future: asyncio.Future[Any]) -> Iterator[None]:
            """Cancel a cell with ``await``: ipykernel's own does not wake the loop (7.4)."""
            loop = asyncio.get_running_loop()

            def cancel(*_: Any) -> None:
                loop.call_soon_threadsafe(future.cancel)
                cancel_jobs()

            before = signal.signal(signal.SIGINT, cancel)
            try:
                yield
            finally:
                signal.signal(signal.SIGINT, before)

    def runtime() -> Runtime:
        found = Runtime(task, folder, outcome, queries)
        libraries.use_installed(folder)
        signal.signal(signal.SIGINT, interrupt)  # a new context has set its own
        return found

    output.secrets = outcome.secrets
    kernel = output.KernelApp.instance(InteractiveKernel)
    kernel.initialize(["-f", sys.argv[1]])
    shell: Any = kernel.shell
    shell.runtime_at_first_cell = runtime
    kernel.start()


if __name__ == "__main__":
    status = main(Path(sys.argv[2]).resolve(), _run)
    # Threads that still run (Spark's, or those of cells) must not keep the process alive.
    os._exit(status)

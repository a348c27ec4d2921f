"""The client of a notebook's kernel: runs its cells and keeps the executed notebook.

The kernel is the process of a task (``services/databricks/runner/kernel``), so its deadline,
its log and its end are those of every task. ``notebook.ipynb`` in the folder of the attempt grows
while the cells run.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from services.databricks.notebook import document, opened

FILE = "notebook.ipynb"
OUTPUT_CHARACTERS = 8_000_000
"""Characters of all outputs; what comes later is not shown."""
OVERHEAD = 100
"""Characters that an output takes in addition to its content."""
KEEP_SECONDS = 1.0
"""Seconds between two versions of the file while the cells run."""
IDLE_SECONDS = 10
"""Seconds to wait for the outputs of a cell that has ended."""
_PORTS = ("shell", "iopub", "stdin", "control", "hb")


def kernel_environment(own: Path, shared: Path) -> dict[str, str]:
    """Variables of a kernel: folders in place of those in a home, which containers lack."""
    return {
        "IPYTHONDIR": str(own),  # a user's start-up files are not the kernel's
        # All kernels share it: the cache of fonts takes matplotlib seconds.
        "MPLCONFIGDIR": str(shared / "matplotlib"),
    }


class Notebook:
    """A notebook that runs once.

    Raises:
        NotebookError: the notebook does not exist or can't be read.
    """

    def __init__(self, local: str, path: str, folder: Path, sockets: Path) -> None:
        _, cells = opened(local, path)
        self._file, self._folder = folder / FILE, folder
        self._sockets = sockets / folder.name
        self._sockets.mkdir()
        self._connection: Any = {
            "transport": "ipc",
            "ip": str(self._sockets / "socket"),
            "key": secrets.token_hex(),
            "signature_scheme": "hmac-sha256",
            **{f"{name}_port": number for number, name in enumerate(_PORTS, 1)},
        }
        self._connection_file.write_text(json.dumps(self._connection))
        book = nbformat.from_dict(document(cells))  # type: ignore[no-untyped-call]
        self._client = _Client(book, iopub_timeout=IDLE_SECONDS, store_widget_state=False)

    @property
    def _connection_file(self) -> Path:
        return self._sockets / "connection.json"

    @property
    def command(self) -> tuple[str, ...]:
        """The module of the kernel, with its arguments."""
        return ("services.databricks.runner.kernel", str(self._folder), str(self._connection_file))

    @property
    def environment(self) -> dict[str, str]:
        """Variables of the kernel."""
        return kernel_environment(self._sockets, self._folder.parent)

    async def run(self, process: asyncio.subprocess.Process) -> None:
        """Run the cells in the kernel, and wait until its process has ended."""
        kernel = _KernelClient(process)
        kernel.load_connection_info(self._connection)
        kernel.start_channels(stdin=False, hb=False, control=False)
        self._client.kc = kernel
        # nbclient takes a cancellation for the death of the kernel, so it has a task of its own.
        tasks = [
            asyncio.create_task(work)
            for work in (self._cells(kernel), process.wait(), self._keep())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if tasks[0].done():
                tasks[0].result()
                await tasks[1]
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            kernel.stop_channels()
            self._write()

    def close(self) -> None:
        """Remove the sockets."""
        shutil.rmtree(self._sockets, ignore_errors=True)

    async def _cells(self, kernel: AsyncKernelClient) -> None:
        kernel.kernel_info()
        await kernel.iopub_channel.get_msg(timeout=None)  # outputs arrive from now on
        # The kernel has noted how a cell ended that ends the notebook, or fails.
        with contextlib.suppress(CellExecutionError):
            for index, cell in enumerate(self._client.nb.cells):
                self._client.begin_cell()
                await self._client.async_execute_cell(cell, index)
        kernel.iopub_channel.stop()
        kernel.execute("get_ipython().finish()", silent=True, store_history=False)

    async def _keep(self) -> None:
        """Write the notebook while outputs arrive."""
        written = -1
        while True:
            if written != self._client.changes:
                written = self._client.changes
                self._write()
            await asyncio.sleep(KEEP_SECONDS)

    def _write(self) -> None:
        """Write the file; a full disk leaves the version before, and the cells go on."""
        new = self._file.with_suffix(".new")
        try:
            new.write_text(json.dumps(self._client.nb), encoding="utf-8", errors="replace")
            os.replace(new, self._file)
        except OSError as error:
            print(f"{self._file} lacks the last outputs: {error}", file=sys.stderr)


class _KernelClient(AsyncKernelClient):
    """A client that knows the process of its kernel."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        super().__init__()
        self._process = process

    async def is_alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.returncode is None


class _Client(NotebookClient):
    """Collects the outputs of cells, up to a limit."""

    changes = 0
    _before = _cell = 0

    def begin_cell(self) -> None:
        """Count the outputs of the next cell."""
        self._before, self._cell = self._before + self._cell, 0
        self.changes += 1

    def _fits(self, msg: Any) -> bool:
        """Whether an output can be kept: it is counted."""
        self.changes += 1
        self._cell += len(json.dumps(msg["content"])) + OVERHEAD
        return self._before + self._cell <= OUTPUT_CHARACTERS

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """Keep an output, or a note in place of the first that is too much."""
        if self._before + self._cell > OUTPUT_CHARACTERS:
            return None
        if not self._fits(msg):
            text = "\nFurther outputs are not shown: the notebook has too many.\n"
            header = msg["header"] | {"msg_type": "stream"}
            content = {"name": "stderr", "text": text}
            msg = msg | {"msg_type": "stream", "header": header, "content": content}
        return super().output(outs, msg, display_id, cell_index)

    def clear_output(self, outs: Any, msg: Any, cell_index: int) -> None:
        """Drop the outputs of a cell."""
        self._cell = 0
        super().clear_output(outs, msg, cell_index)

    def _update_display_id(self, display_id: str, msg: Any) -> None:
        """Replace outputs that were shown under the same name."""
        if self._fits(msg):
            super()._update_display_id(display_id, msg)

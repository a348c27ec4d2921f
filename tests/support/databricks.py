"""The running Jobs API, and small Python tasks without Spark, so a run takes half a second."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs

from tests.support.ports import free_port
from tests.support.program import Service
from tests.support.rest_proxy import Response, request
from tests.support.waiting import wait_for

TOKEN = "a-token-for-tests"

FILES = {
    "say.py": "import sys; print(*sys.argv[1:], flush=True)",
    "fail.py": "def inner():\n    raise ValueError('bad ü')\n\nprint('before')\ninner()\n",
    "exit3.py": "import sys; sys.exit(3)",
    "kill.py": "import os; os.kill(os.getpid(), 9)",
    # Fails the first time, and creates a file that lets the next attempt succeed.
    "once.py": (
        "import pathlib, sys; p = pathlib.Path(sys.argv[1]); been = p.exists(); p.touch()\n"
        "assert been, 'first time'\n"
    ),
    # Waits until a file exists: the test decides how long the run takes.
    "hold.py": (
        "import pathlib, sys, time\n"
        "p = pathlib.Path(sys.argv[1]); p.with_suffix('.held').touch(); print('held', flush=True)\n"
        "while not p.exists(): time.sleep(0.02)\n"
    ),
    # Leaves a child that ignores SIGTERM, in its own session, whose parent has ended.
    "tree.py": (
        "import pathlib, subprocess, sys, time\n"
        "deep = 'import signal, os, sys, time; signal.signal(15, signal.SIG_IGN);'\n"
        "deep += 'open(sys.argv[1], \"w\").write(str(os.getpid())); time.sleep(600)'\n"
        "middle = 'import subprocess, sys;'\n"
        "middle += 'subprocess.Popen(sys.argv[1:], start_new_session=True)'\n"
        "subprocess.run([sys.executable, '-c', middle, sys.executable, '-c', deep, sys.argv[1]])\n"
        "time.sleep(600)\n"
    ),
    "flood.py": "for n in range(40_000): print(f'{n:09}')",
    "environment.py": (
        "import os; print(*sorted(k for k in os.environ if 'TOKEN' in k)); print(os.environ['A'])"
    ),
}


IMAGE = os.environ.get("DATABRICKS_IMAGE")
"""Image in which the service runs, instead of as a process (``make test-drills ENGINE=docker``)."""


def in_image(image: str, folder: Path, environment: Mapping[str, str]) -> list[str | Path]:
    """A command that runs the service in a container, which sees the folders of the tests.

    The container has this machine's network, so that addresses are the same as for a process.
    """
    limits = ["--read-only", "--tmpfs=/tmp:exec", "--cap-drop=ALL", "--pids-limit=4096"]
    tests = folder.parent
    return [
        *("docker", "run", "--rm", "--init", "--network=host", f"--user={os.getuid()}", *limits),
        *("--security-opt=no-new-privileges", f"--volume={tests}:{tests}"),
        *(f"--env={name}={value}" for name, value in environment.items()),
        *(image, "services/databricks/run.sh"),
    ]


class JobsApi(Service):
    """The service on its own port with its own data; ``workspace`` is its workspace's root."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port, self.gateway_port = free_port(), free_port()
        self.workspace = folder / "workspace"
        self.workspace.mkdir(exist_ok=True)
        for name, text in FILES.items():
            (self.workspace / name).write_text(text)
        url = f"http://127.0.0.1:{self.port}"
        variables = {
            "DATABRICKS_LISTEN": f"127.0.0.1:{self.port}",
            "DATABRICKS_HOST": url,
            "KERNEL_GATEWAY_LISTEN": f"127.0.0.1:{self.gateway_port}",
            "DATABRICKS_TOKEN": TOKEN,
            "DATABRICKS_WORKSPACE": f"/={self.workspace}",
            "DATABRICKS_SLOTS": "4",
            # These tasks need no JVM.
            "CLUSTER_IDLE_SECONDS": "0",
            **settings,
        }
        super().__init__("services/databricks", folder, variables)
        if IMAGE:
            self.command = in_image(IMAGE, folder, {"RUN_DIR": str(folder), **variables})
        self.url = url

    @cached_property
    def client(self) -> WorkspaceClient:
        """An unmodified databricks-sdk."""
        return WorkspaceClient(host=self.url, token=TOKEN)

    @property
    def data(self) -> Path:
        """Folder of the service's data."""
        return self.folder / "data/jobs_api"

    def attempt(self, run_id: int) -> Path:
        """Folder of an attempt at a task."""
        return self.data / "tasks" / str(run_id)

    @property
    def jobs(self) -> Any:
        """The client's calls on jobs."""
        return self.client.jobs

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: dict[str, Any] | None = None,
        token: str | None = TOKEN,
    ) -> Response:
        """Make one request; ``body`` is JSON unless it is bytes."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        target = f"{path}?{urlencode(query)}" if query else path
        return request(self.port, method, target, content, headers)

    def submit(self, *tasks: jobs.SubmitTask, **more: Any) -> int:
        """Submit a run; return its id."""
        return int(self.jobs.submit(tasks=list(tasks), **more).response.run_id)

    def ended(self, run_id: int, limit: float = 30) -> jobs.Run:
        """Wait until a run has ended; return the run."""
        return wait_for(f"run {run_id} to end", lambda: self._if_ended(run_id), limit)

    def _if_ended(self, run_id: int) -> jobs.Run | None:
        run = self.jobs.get_run(run_id)
        last = ("TERMINATED", "SKIPPED", "INTERNAL_ERROR")
        return run if run.state.life_cycle_state.value in last else None

    def output(self, run: jobs.Run, key: str) -> jobs.RunOutput:
        """Output of the newest attempt at a task."""
        attempts = [task for task in run.tasks or [] if task.task_key == key]
        found: jobs.RunOutput = self.jobs.get_run_output(attempts[-1].run_id)
        return found

    def cells(self, run: jobs.Run, key: str, kind: str = "code") -> list[dict[str, Any]]:
        """The cells of an executed notebook that have code, or text."""
        attempts = [task for task in run.tasks or [] if task.task_key == key]
        book = json.loads((self.attempt(attempts[-1].run_id) / "notebook.ipynb").read_text())
        return [cell for cell in book["cells"] if cell["cell_type"] == kind]

    def notebook_page(self, run: jobs.Run, key: str) -> str:
        """The page of an executed notebook, as a browser shows it within the page of the run."""
        page = self.call("GET", run.run_page_url.removeprefix(self.url), token=None).body.decode()
        attempts = [task for task in run.tasks or [] if task.task_key == key]
        path = f"/runs/{attempts[-1].run_id}/notebook"
        assert f'<iframe sandbox="" src="{self.url}{path}"' in page
        return self.call("GET", path, token=None).body.decode()


def tables(cell: dict[str, Any]) -> list[list[tuple[str, ...]]]:
    """The rows of each table that a cell has shown, without the names of the columns."""
    shown = [output.get("data", {}).get("text/html", "") for output in cell["outputs"]]
    return [
        [
            tuple(map(html.unescape, re.findall(r"<td>(.*?)</td>", row, re.DOTALL)))
            for row in re.findall(r"<tr><td>.*?</tr>", table, re.DOTALL)
        ]
        for table in shown
        if table.startswith("<table>")
    ]


def text(cell: dict[str, Any]) -> str:
    """What a cell has shown, as text."""
    found = []
    for output in cell["outputs"]:
        found.append(output.get("text") or output.get("evalue") or output["data"]["text/plain"])
    return "".join(found)


def lives(pid: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def python(key: str, file: str, *parameters: str, after: tuple[str, ...] = (), **more: Any) -> Any:
    """A task that runs a file of the workspace, for ``submit``."""
    return jobs.SubmitTask(
        task_key=key,
        spark_python_task=jobs.SparkPythonTask(f"/Workspace/{file}", list(parameters)),
        depends_on=[jobs.TaskDependency(name) for name in after] or None,
        **more,
    )


def notebook(
    key: str,
    path: str,
    parameters: dict[str, str] | None = None,
    after: tuple[str, ...] = (),
    **more: Any,
) -> Any:
    """A task that runs a notebook of the workspace, for ``submit``."""
    return jobs.SubmitTask(
        task_key=key,
        notebook_task=jobs.NotebookTask(path, base_parameters=parameters),
        depends_on=[jobs.TaskDependency(name) for name in after] or None,
        **more,
    )


def task(key: str, file: str, *parameters: str, after: tuple[str, ...] = (), **more: Any) -> Any:
    """A task that runs a file of the workspace, for ``create``."""
    return jobs.Task.from_dict(python(key, file, *parameters, after=after, **more).as_dict())


def results(run: jobs.Run) -> dict[str, str]:
    """Result of the newest attempt at each task."""
    return {t.task_key: t.state.result_state.value for t in run.tasks or [] if t.state.result_state}

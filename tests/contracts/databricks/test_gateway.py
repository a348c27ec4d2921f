"""The kernel gateway, as a client of Jupyter uses it: its token, its kernels, their cluster."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
import requests
import websocket

from services.databricks.engine import process
from tests.support.databricks import TOKEN, JobsApi, lives
from tests.support.hosts import ALLOWED, accepted, refused
from tests.support.waiting import wait_for

LIMIT = 120
"""Seconds for a cell that starts a JVM on a busy machine."""

pytestmark = pytest.mark.slow

BOOKS = {
    "books/word.py": "# Databricks notebook source\nword = 'included'",
    "books/helper.py": "answer = 42",
}


class Kernel:
    """A kernel with a client on its web socket."""

    def __init__(self, gateway: Gateway, kernel_id: str) -> None:
        self.id, self._gateway = kernel_id, gateway
        self.connect()

    def connect(self) -> None:
        """Open a web socket."""
        url = f"{self._gateway.url.replace('http', 'ws')}/api/kernels/{self.id}/channels"
        self._socket = websocket.create_connection(
            f"{url}?session_id={uuid.uuid4()}&token={TOKEN}", timeout=LIMIT, suppress_origin=True
        )

    def send(self, code: str) -> str:
        """Send a cell; return the id of the request."""
        header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "version": "5.3"}
        header |= {"username": "", "session": uuid.uuid4().hex, "date": "2026-01-01T00:00:00Z"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        self._socket.send(json.dumps(message | {"channel": "shell"}))
        return header["msg_id"]

    def outputs(self, request: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The outputs of a cell until it has ended, each with its type."""
        while True:
            message = json.loads(self._socket.recv())
            kind, content = message["header"]["msg_type"], message["content"]
            if message["parent_header"].get("msg_id") != request:
                continue
            if kind == "status" and content["execution_state"] == "idle":
                return
            if kind in ("stream", "display_data", "execute_result", "error"):
                yield kind, content

    def run(self, code: str) -> str:
        """Run a cell; return what it has shown, as text."""
        return "".join(_text(*output) for output in self.outputs(self.send(code)))

    def start(self, code: str, shown: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Start a cell and wait until it has printed a text; return its other outputs."""
        outputs = self.outputs(self.send(code))
        assert shown in next(_text(*output) for output in outputs)
        return outputs

    def close(self) -> None:
        self._socket.close()


def _text(kind: str, content: dict[str, Any]) -> str:
    if kind == "stream":
        return str(content["text"])
    if kind == "error":
        return f"{content['ename']}: {content['evalue']}\n" + "\n".join(content["traceback"])
    return str(content["data"].get("text/html") or content["data"]["text/plain"])


class Gateway:
    """The gateway of a service."""

    def __init__(self, api: JobsApi) -> None:
        self.api, self.url = api, f"http://127.0.0.1:{api.gateway_port}"
        for name, text in BOOKS.items():
            (api.workspace / name).parent.mkdir(exist_ok=True)
            (api.workspace / name).write_text(text)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        headers = headers or {"Authorization": f"Bearer {TOKEN}"}
        return requests.request(
            method, f"{self.url}/api/{path}", json=body, headers=headers, timeout=LIMIT
        )

    def start(self, **body: Any) -> Kernel:
        """Start a kernel; its notebook is in ``books`` unless the body says so."""
        response = self.call("POST", "kernels", {"path": "books/mine.ipynb"} | body)
        assert response.status_code == 201, response.text
        return Kernel(self, response.json()["id"])

    def processes(self, kernel: Kernel | None = None) -> list[psutil.Process]:
        """The processes of a kernel, or of all."""
        return process.of(self.api.data / "kernels" / (kernel.id if kernel else ""))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway whose cluster lives through the tests."""
    folder = tmp_path_factory.mktemp("gateway")
    with JobsApi(
        folder, CLUSTER_IDLE_SECONDS="300", CLUSTER_SPARK_VERSION="17.3.x", ALLOWED_HOSTS=ALLOWED
    ) as api:
        yield Gateway(api)


@pytest.fixture(scope="module")
def kernel(gateway: Gateway) -> Iterator[Kernel]:
    """A kernel for tests that leave it usable."""
    found = gateway.start()
    yield found
    found.close()
    gateway.call("DELETE", f"kernels/{found.id}")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-None": ""},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Cookie": f"token={TOKEN}"},
        {"Authorization": f"token {TOKEN}", "Origin": "http://elsewhere.example"},
    ],
)
def test_nobody_else_is_served(gateway: Gateway, kernel: Kernel, headers: dict[str, str]) -> None:
    for method, path in (("GET", "kernels"), ("POST", "kernels"), ("GET", "kernelspecs")):
        assert gateway.call(method, path, **headers).status_code in (403, 404)
    assert [found["id"] for found in gateway.call("GET", "kernels").json()] == [kernel.id]
    url = f"{gateway.url.replace('http', 'ws')}/api/kernels/{kernel.id}/channels"
    with pytest.raises(websocket.WebSocketBadStatusException) as failed:
        websocket.create_connection(url, header=headers, timeout=LIMIT, suppress_origin=True)
    assert failed.value.status_code == 403


def test_requests_of_other_sites_are_refused_even_with_the_token(
    gateway: Gateway, kernel: Kernel
) -> None:
    token = {"Authorization": f"token {TOKEN}"}
    for headers in accepted(gateway.api.gateway_port):
        assert gateway.call("GET", "kernelspecs", **token, **headers).status_code == 200, headers
    for headers in refused(gateway.api.gateway_port):
        response = gateway.call("POST", "kernels", **token, **headers)
        assert response.status_code in (400, 403), headers
    assert [one["id"] for one in gateway.call("GET", "kernels").json()] == [kernel.id]


def test_a_kernelspec_for_each_cluster(gateway: Gateway) -> None:
    for headers in ({"Authorization": f"token {TOKEN}"}, {"Authorization": f"bearer {TOKEN}"}):
        assert gateway.call("GET", "kernelspecs", **headers).status_code == 200
    specs = requests.get(f"{gateway.url}/api/kernelspecs?token={TOKEN}", timeout=LIMIT).json()
    assert specs["default"] == "local"
    assert specs["kernelspecs"]["local"]["spec"]["metadata"] == {"cluster_id": "local"}


def test_a_notebook_outside_of_the_workspace_is_refused(gateway: Gateway) -> None:
    response = gateway.call("POST", "kernels", {"path": "nowhere/mine"})
    assert (response.status_code, "no folder" in response.text) == (400, True)


def test_cells_as_in_the_notebooks_of_jobs(gateway: Gateway, kernel: Kernel) -> None:
    assert kernel.run("spark.range(3).count()") == "3"
    assert "<td>2</td>" in kernel.run("display(spark.range(3))")
    assert "<td>7</td>" in kernel.run("%sql SELECT 7 AS n")
    assert kernel.run("%run ./word") == ""
    assert kernel.run("import helper; print(word, helper.answer)") == "included 42\n"
    path = "dbutils.notebook.entry_point.getDbutils().notebook().getContext().notebookPath().get()"
    assert kernel.run(path) == "'/books/mine.ipynb'"
    assert "ZeroDivisionError" in kernel.run("1 / 0")
    assert gateway.call("GET", f"kernels/{kernel.id}").json()["connections"] == 1


def test_the_stop_button_ends_a_spark_job(gateway: Gateway, kernel: Kernel) -> None:
    kernel.run("import time; from pyspark.sql.functions import udf")
    cell = kernel.start(
        "print('begun'); slow = udf(lambda n: time.sleep(600) or n, 'long')\n"
        "spark.range(1).select(slow('id')).collect()",
        "begun",
    )
    jobs = "len(sc.statusTracker().getActiveJobsIds())"
    other = gateway.start()
    wait_for("a job to run", lambda: other.run(jobs) == "1", LIMIT)
    assert gateway.call("POST", f"kernels/{kernel.id}/interrupt").status_code == 204
    assert "KeyboardInterrupt" in "".join(_text(*output) for output in cell)
    wait_for("the job to end", lambda: other.run(jobs) == "0", LIMIT)
    assert kernel.run("spark.range(4).count()") == "4"
    assert kernel.run("spark.range(5).createOrReplaceTempView('mine')") == ""
    assert kernel.run("spark.table('mine').count()") == "5"
    other.close()
    gateway.call("DELETE", f"kernels/{other.id}")


@pytest.mark.parametrize("cell", ["while True: pass", "!sleep 600", "await asyncio.sleep(600)"])
def test_the_stop_button_ends_python_and_shells(
    gateway: Gateway, kernel: Kernel, cell: str
) -> None:
    running = kernel.start(f"import asyncio; print('begun', flush=True)\n{cell}", "begun")
    gateway.call("POST", f"kernels/{kernel.id}/interrupt")
    assert list(running)
    assert kernel.run("spark.range(3).count()") == "3"


def test_two_kernels_share_the_cluster_and_nothing_else(gateway: Gateway, kernel: Kernel) -> None:
    kernel.run("shared = 1; spark.range(2).createOrReplaceGlobalTempView('of_one')")
    kernel.run("spark.range(2).createOrReplaceTempView('own')")
    folder = str(gateway.api.workspace / "books")
    other = gateway.start(name="an-id", path="", env={"KERNEL_WORKING_DIR": folder})
    assert other.run("import helper; helper.answer") == "42"
    assert other.run("spark.table('global_temp.of_one').count()") == "2"
    assert "TABLE_OR_VIEW_NOT_FOUND" in other.run("spark.table('own')")
    assert "NameError" in other.run("shared")
    application = kernel.run("sc.applicationId")
    assert other.run("sc.applicationId") == application
    other.close()
    gateway.call("DELETE", f"kernels/{other.id}")
    assert not gateway.processes(other)
    assert kernel.run("sc.applicationId") == application


def test_a_restart_forgets_names_and_ends_jobs_and_streams(gateway: Gateway) -> None:
    kernel = gateway.start()
    kernel.run("name = 1; q = spark.readStream.format('rate').load().writeStream.format('noop')")
    kernel.run("q = q.queryName('left').start()")
    assert gateway.call("POST", f"kernels/{kernel.id}/restart").status_code == 200
    kernel.close()
    kernel.connect()
    assert "NameError" in kernel.run("name")
    assert kernel.run("len(spark.streams.active)") == "0"
    kernel.close()
    assert gateway.call("DELETE", f"kernels/{kernel.id}").status_code == 204
    assert gateway.call("GET", f"kernels/{kernel.id}").status_code == 404
    assert not gateway.processes(kernel)


def test_a_cluster_that_ends_restarts_its_kernels(gateway: Gateway, kernel: Kernel) -> None:
    application = kernel.run("lost = 1; sc.applicationId")
    [before, *_] = gateway.processes(kernel)
    gateway.api.client.clusters.delete("local")
    wait_for("the process to end", lambda: not lives(before.pid), LIMIT)
    wait_for("another process", lambda: gateway.processes(kernel), LIMIT)
    kernel.close()
    kernel.connect()
    assert "NameError" in kernel.run("lost")
    assert kernel.run("sc.applicationId") != application


def test_idle_kernels_end(start_api: Callable[..., JobsApi]) -> None:
    gateway = Gateway(start_api(KERNEL_IDLE_SECONDS="10"))
    kernel = gateway.start()
    assert kernel.run("%sh echo no Spark")
    # A client that stays does not keep it.
    wait_for("the kernel to end", lambda: gateway.call("GET", "kernels").json() == [], LIMIT)
    assert not gateway.processes()
    kernel.close()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_kernels_end_with_the_service(start_api: Callable[..., JobsApi], number: int) -> None:
    api = start_api()
    gateway = Gateway(api)
    kernel = gateway.start()
    kernel.start("print('begun', flush=True)\nwhile True: pass", "begun")
    assert gateway.processes()
    assert api.process
    os.kill(api.process.pid, number)
    wait_for("the kernel to end", lambda: not gateway.processes(), LIMIT)
    kernel.close()

"""The two services that the DAG speaks to, started by their own run.sh on ports of their own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-tests"

JOBS = {
    "run_batch": "print(*sys.argv[1:], flush=True)",
    "check_quality": (
        "print(*sys.argv[1:], flush=True)\n"
        "if 'freshness' in sys.argv[-1]: raise ValueError('freshness: 3 of 1')"
    ),
    # Lasts until somebody ends it.
    "hold": "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)",
}
"""Stand-ins for the Spark jobs, which need Java."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, fact: Any, limit: float = 60, state: Any = str) -> Any:
    """Return what ``fact`` gives as soon as it's true."""
    deadline = time.monotonic() + limit
    while not (found := fact()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {limit:g} s for {what}; {state()}")
        time.sleep(0.05)
    return found


class Service:
    """A service of the project, on 127.0.0.1, with its output in a file."""

    run: str
    """Its script."""
    health: str
    """Path that answers 200 when it does its work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def variables(self) -> dict[str, str]:
        """What its script is started with, beside PATH."""
        raise NotImplementedError

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start it, wait until it's healthy, and end it after use."""
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        own = plain | {"RUN_DIR": str(self.folder)}
        wanted = self.variables()
        own["PATH"] = f"{ROOT / wanted.pop('PATH')}{os.pathsep}{own['PATH']}"
        log = self.folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(ROOT / self.run)],
                env=own | wanted,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for(f"{self.run} to be healthy", lambda: self._well(process), state=log.read_text)
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)

    def _well(self, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, (self.folder / "log").read_text()
        try:
            with urllib.request.urlopen(self.url + self.health, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def aws_at(url: str) -> str:
    """The connection ``aws_default`` to an address."""
    extra = {"region_name": "us-east-1", "endpoint_url": url}
    return json.dumps({"conn_type": "aws", "login": "test", "password": "test", "extra": extra})


class LocalStack(Service):
    """S3."""

    run, health = "localstack/run.sh", "/_localstack/health"

    def variables(self) -> dict[str, str]:
        return {
            "PATH": ".build/envs/localstack/bin",
            "GATEWAY_LISTEN": f"127.0.0.1:{self.port}",
            "KINESIS_LISTEN": f"127.0.0.1:{free_port()}",
        }


class JobsApi(Service):
    """The Jobs API, whose tasks are the stand-ins in ``JOBS``."""

    run, health = "services/jobs_api/run.sh", "/health"

    def variables(self) -> dict[str, str]:
        jobs = self.folder / "workspace/spark/jobs"
        jobs.mkdir(parents=True)
        for name, text in JOBS.items():
            (jobs / f"{name}.py").write_text(f"import pathlib, sys, time\n{text}\n")
        command = self.folder / "run_module.sh"
        command.write_text('#!/bin/sh\nexec python -m "$@"\n')
        command.chmod(0o755)
        return {
            "PATH": ".venv/bin",
            "JOBS_API_LISTEN": f"127.0.0.1:{self.port}",
            "JOBS_API_URL": self.url,
            "JOBS_API_TOKEN": TOKEN,
            "JOBS_API_WORKSPACE": f"/Shared/pinterest-data-pipeline={self.folder / 'workspace'}",
            "JOBS_API_COMMAND": str(command),
            "JOBS_API_IDLE_SECONDS": "0",
            "JOBS_API_PATH": str(ROOT / ".venv/bin"),
        }

    def connection(self, token: str = TOKEN) -> str:
        """The connection ``databricks_default``, with another token for one that is refused."""
        address = {"host": "127.0.0.1", "schema": "http", "port": self.port}
        return json.dumps({"conn_type": "databricks", "password": token, **address})

    def call(self, path: str, body: Any = None) -> Any:
        """The answer to a call of API 2.1."""
        request = urllib.request.Request(
            f"{self.url}/api/2.1/jobs/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def logs(self, run: Any) -> str:
        """What the one task of a run has printed."""
        (task,) = run["tasks"]
        return str(self.call(f"runs/get-output?run_id={task['run_id']}")["logs"])

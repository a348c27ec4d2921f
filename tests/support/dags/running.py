"""The two services that the DAG calls, each started by its own run.sh on its own ports."""

import json
import urllib.request
from pathlib import Path
from typing import Any

from tests.support import ROOT
from tests.support.ports import free_port, free_ports
from tests.support.program import Service

TOKEN = "a-token-for-tests"

JOBS = {
    "run_batch": "print(*sys.argv[1:], flush=True)",
    "check_quality": (
        "print(*sys.argv[1:], flush=True)\n"
        "if 'freshness' in sys.argv[-1]: raise ValueError('freshness: 3 of 1')"
    ),
    # Runs until a test ends it.
    "hold": "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)",
}
"""Stand-ins for the Spark jobs, which need Java."""


def aws_at(url: str) -> str:
    """Airflow's connection ``aws_default`` to a URL."""
    extra = {"region_name": "us-east-1", "endpoint_url": url}
    return json.dumps({"conn_type": "aws", "login": "test", "password": "test", "extra": extra})


class LocalStack(Service):
    """S3."""

    def __init__(self, folder: Path) -> None:
        port, kinesis = free_ports(2)
        self.url = f"http://127.0.0.1:{port}"
        listen = {"GATEWAY_LISTEN": f"127.0.0.1:{port}", "KINESIS_LISTEN": f"127.0.0.1:{kinesis}"}
        super().__init__("localstack", folder, listen, python=".build/envs/localstack")


class JobsApi(Service):
    """The Jobs API, whose tasks are the stand-ins in ``JOBS``."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        jobs = folder / "workspace/spark/jobs"
        jobs.mkdir(parents=True)
        for name, text in JOBS.items():
            (jobs / f"{name}.py").write_text(f"import pathlib, sys, time\n{text}\n")
        command = folder / "run_module.sh"
        command.write_text('#!/bin/sh\nexec python -m "$@"\n')
        command.chmod(0o755)
        super().__init__(
            "services/databricks",
            folder,
            {
                "DATABRICKS_LISTEN": f"127.0.0.1:{self.port}",
                "KERNEL_GATEWAY_LISTEN": f"127.0.0.1:{free_port()}",
                "DATABRICKS_HOST": self.url,
                "DATABRICKS_TOKEN": TOKEN,
                "DATABRICKS_WORKSPACE": f"/Shared/pinterest-data-pipeline={folder / 'workspace'}",
                "DATABRICKS_COMMAND": str(command),
                "CLUSTER_IDLE_SECONDS": "0",
                "DATABRICKS_PATH": str(ROOT / ".venv/bin"),
            },
        )

    def connection(self, token: str = TOKEN) -> str:
        """Airflow's connection ``databricks_default``, with a token of choice."""
        address = {"host": "127.0.0.1", "schema": "http", "port": self.port}
        return json.dumps({"conn_type": "databricks", "password": token, **address})

    def call(self, path: str, body: Any = None) -> Any:
        """The response to a call of API 2.1."""
        request = urllib.request.Request(
            f"{self.url}/api/2.1/jobs/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.load(response)

    def logs(self, run: Any) -> str:
        """The output of the only task of a run."""
        (task,) = run["tasks"]
        return str(self.call(f"runs/get-output?run_id={task['run_id']}")["logs"])

"""The real LocalStack, started by its own run.sh on ports of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from contract import names
from stack import waiting
from tests.support.ports import free_port
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
PYTHON = ROOT / ".build/envs/localstack/bin/python"
STARTED_WITHIN = 90
USER_ID = "0a1b2c3d4e5f"

AUDIT = '''
"""Writes down every address that this process asks for and that is not its own machine."""
import os, sys

def note(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        host = arguments[1][0] if isinstance(arguments[1], tuple) else "unix"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host = arguments[0]
    else:
        return
    own = (None, "", "unix", "localhost", "0.0.0.0", "::1", "::", os.uname().nodename)
    host = host.decode() if isinstance(host, bytes) else host
    if host not in own and not str(host).startswith("127."):
        os.write(log, f"{event} {host}\\n".encode())

log = os.open(os.environ["AUDIT_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(log, b"audited\\n")
sys.addaudithook(note)
'''
"""A sitecustomize for LocalStack's Python: a look-up that fails leaves no other trace."""


@dataclass
class LocalStack:
    """One LocalStack on ports of its own, its state below ``folder``."""

    folder: Path
    upstream: str
    gateway_port: int = field(default_factory=free_port)
    kinesis_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def api(self) -> str:
        return f"{self.endpoint}/_aws/execute-api/{names.rest_api_id(USER_ID)}/dev"

    @property
    def log(self) -> Path:
        return self.folder / "localstack.log"

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder / 'bin'}:{PYTHON.parent}:{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "RUN_DIR": str(self.folder / "run"),
            "AUDIT_LOG": str(self.audit_log),
            "USER_ID": USER_ID,
            "GATEWAY_LISTEN": f"127.0.0.1:{self.gateway_port}",
            "KINESIS_LISTEN": f"127.0.0.1:{self.kinesis_port}",
            "KAFKA_REST_ENDPOINT": self.upstream,
            # Both would mislead a LocalStack that listened to them.
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "HTTP_PROXY": "http://127.0.0.1:1",
        }

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it and wait until its health check passes."""
        if not PYTHON.exists():
            pytest.fail("LocalStack is not installed: run 'make install' (localstack/install.sh)")
        for name in ("bin", "home", "tmp"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "bin/sitecustomize.py").write_text(AUDIT)
        shim = self.folder / "bin/python"
        shim.write_text(f'#!/bin/sh\nPYTHONPATH="{shim.parent}:$PYTHONPATH" exec "{PYTHON}" "$@"\n')
        shim.chmod(0o755)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["localstack/run.sh"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            waiting.wait_for(
                f"a healthy LocalStack; its log: {self.log}", self._up, STARTED_WITHIN, 0.3
            )
        except BaseException:
            self.end(kill=True)
            raise

    def _up(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            pytest.fail(f"LocalStack ended with {self.process.returncode}: {self.log.read_text()}")
        return self.health().returncode == 0

    def health(self) -> subprocess.CompletedProcess[str]:
        """Run its health check."""
        return subprocess.run(
            ["localstack/health.sh"],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=30,
        )

    def tree(self) -> list[psutil.Process]:
        """Its process and all below it."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def end(self, *, kill: bool = False) -> None:
        """Ask it to end, or kill it, and wait until it has."""
        assert self.process is not None
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(30)

    @property
    def access(self) -> dict[str, str]:
        """Variables of a program that takes it for AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def client(self, service: str, access_key: str = "test") -> Any:
        """Return a boto3 client that speaks to it; the key says for which account."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
        )


def state(kinesis: Any, stream: str) -> str | None:
    """Return the status of a stream, or None where there is no such stream."""
    try:
        return str(kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamStatus"])
    except kinesis.exceptions.ResourceNotFoundException:
        return None


@contextmanager
def made_stream(kinesis: Any, name: str) -> Iterator[str]:
    """Make a stream with one shard, which can be used, and remove it in the end."""
    kinesis.create_stream(StreamName=name, ShardCount=1)
    wait_for(f"{name} active", lambda: state(kinesis, name) == "ACTIVE")
    yield name
    kinesis.delete_stream(StreamName=name)
    wait_for(f"no {name}", lambda: state(kinesis, name) is None)


def everything(kinesis: Any, name: str) -> list[dict[str, Any]]:
    """Every record of a stream with one shard."""
    (shard,) = kinesis.list_shards(StreamName=name)["Shards"]
    position = kinesis.get_shard_iterator(
        StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    while records := (page := kinesis.get_records(ShardIterator=position))["Records"]:
        found += records
        position = page["NextShardIterator"]
    return found

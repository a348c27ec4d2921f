"""The real LocalStack, started by its run.sh on free ports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from contract import names
from tests.support import ROOT
from tests.support.engine import Stream
from tests.support.ports import free_ports
from tests.support.program import Service
from tests.support.waiting import wait_for

PYTHON = ROOT / ".build/envs/localstack/bin/python"
USER_ID = "0a1b2c3d4e5f"

AUDIT = '''
"""Logs every address outside this machine that the process connects to or resolves."""
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
"""A sitecustomize for LocalStack's Python: a failed look-up leaves no other trace."""


class LocalStack(Service):
    """One LocalStack on free ports, with its state below ``folder`` and further ``settings``."""

    def __init__(self, folder: Path, upstream: str, **settings: str) -> None:
        self.upstream = upstream
        self.gateway_port, self.kinesis_port = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{self.gateway_port}"
        self.api = f"{self.endpoint}/_aws/execute-api/{names.rest_api_id(USER_ID)}/dev"
        self.audit_log = folder / "audit.log"
        for name in ("bin", "home", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "bin/sitecustomize.py").write_text(AUDIT)
        shim = folder / "bin/python"
        shim.write_text(f'#!/bin/sh\nPYTHONPATH="{shim.parent}:$PYTHONPATH" exec "{PYTHON}" "$@"\n')
        shim.chmod(0o755)
        super().__init__(
            "localstack",
            folder,
            {
                "PATH": f"{shim.parent}:{PYTHON.parent}:{os.environ['PATH']}",
                "HOME": str(folder / "home"),
                "TMPDIR": str(folder / "tmp"),
                "RUN_DIR": str(folder / "run"),
                "AUDIT_LOG": str(self.audit_log),
                "USER_ID": USER_ID,
                "GATEWAY_LISTEN": f"127.0.0.1:{self.gateway_port}",
                "KINESIS_LISTEN": f"127.0.0.1:{self.kinesis_port}",
                "KAFKA_REST_ENDPOINT": upstream,
                # run.sh must remove both: nothing listens there.
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "HTTP_PROXY": "http://127.0.0.1:1",
                **settings,
            },
        )

    def signal(self, number: int) -> None:
        """Send a signal to its process alone, which must end its children."""
        assert self.process is not None
        self.process.send_signal(number)

    def tree(self) -> list[psutil.Process]:
        """Its process and all below it."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    @property
    def access(self) -> dict[str, str]:
        """Environment of a program that uses it as AWS."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def client(self, service: str, access_key: str = "test") -> Any:
        """Return a boto3 client of it; the access key selects the account."""
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
        )


def state(kinesis: Any, stream: str) -> str | None:
    """Return the status of a stream, or None if it does not exist."""
    try:
        return str(kinesis.describe_stream(StreamName=stream)["StreamDescription"]["StreamStatus"])
    except kinesis.exceptions.ResourceNotFoundException:
        return None


@contextmanager
def made_stream(kinesis: Any, name: str) -> Iterator[str]:
    """Create a stream with one shard, and delete it at the end."""
    Stream(kinesis, name).create(1)
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

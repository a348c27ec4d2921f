"""The project's Kinesis engine as a process of its own, and a proxy to it that injects faults."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.support import ROOT
from tests.support.ports import free_port
from tests.support.upstream import Answer, Received, Upstream
from tests.support.waiting import wait_for

MAIN = ROOT / "localstack/kinesalite/main.cjs"
MODULE = ROOT / ".build/localstack/node_modules/kinesalite"
CLOCK = Path(__file__).resolve().parent / "clock.cjs"
MOST_RECORDS = 500
"""Records of one PutRecords at most."""


@dataclass
class Engine:
    """kinesalite, started as LocalStack starts it, without LocalStack."""

    folder: Path | None = None
    """Of its database; without one the streams are in memory."""
    variables: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the engine, and wait until it responds without an error."""
        self.launch()
        wait_for("a response of the Kinesis engine", self.up)

    def launch(self) -> None:
        """Start the engine."""
        environment = {
            **os.environ,
            **({"KINESALITE_PATH": str(self.folder)} if self.folder else {}),
            **self.variables,
            "AWS_ACCOUNT_ID": "000000000000",
            "KINESALITE_MODULE": str(MODULE),
            "KINESALITE_HOST": "127.0.0.1",
            "KINESALITE_PORT": str(self.port),
            "KINESALITE_SHARD_LIMIT": "1000",
        }
        command = ["node", "--require", str(CLOCK), str(MAIN)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )

    def up(self) -> bool:
        """Whether its streams are there."""
        assert self.process is not None
        assert self.process.poll() is None, "the Kinesis engine has ended"
        try:
            self.client.list_streams()
        except (BotoCoreError, ClientError):
            return False
        return True

    def end(self) -> None:
        """Kill the engine; streams in memory are lost."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=10)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the engine and close the client."""
        self.end()
        self.client.close()

    def move_clock(self, seconds: float) -> None:
        """Move the engine's clock forward: records and iterators expire."""
        self.send(f"{seconds}")

    def send(self, line: str) -> None:
        """Send a line to clock.cjs: "hold" stops changes of streams half-way until "go"."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"done\n"

    @cached_property
    def client(self) -> Any:
        """A plain boto3 client."""
        return boto3.client(
            "kinesis",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=10),
        )

    def stream(self, shards: int = 1) -> Stream:
        """Create a stream with a unique name."""
        stream = Stream(self.client, f"test-{uuid.uuid4().hex[:12]}")
        stream.create(shards)
        return stream


@dataclass
class Stream:
    """A stream, and the records that were put into it."""

    client: Any
    name: str
    sent: list[str] = field(default_factory=list)

    def create(self, shards: int) -> None:
        """Create the stream and wait until it is active."""
        self.client.create_stream(StreamName=self.name, ShardCount=shards)
        self.wait_until_active()

    def delete(self) -> None:
        """Delete the stream and wait until it is gone."""
        self.client.delete_stream(StreamName=self.name)
        wait_for("the stream to go", lambda: self.name not in self._names())
        self.sent.clear()

    def _names(self) -> list[str]:
        return list(self.client.list_streams(Limit=10_000)["StreamNames"])

    def wait_until_active(self) -> None:
        """Wait until a change of the shards is complete."""

        def active() -> bool:
            found = self.client.describe_stream_summary(StreamName=self.name)
            return bool(found["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE")

        wait_for("an active stream", active)

    def put(self, count: int, keys: int = 16, size: int = 0) -> list[str]:
        """Put records, numbered as they are sent; return their texts."""
        first = len(self.sent)
        texts = []
        for number in range(first, first + count):
            text = json.dumps({"n": number, "key": f"key {number % keys}"})
            texts.append(text + " " * (size - len(text)))
        for at in range(0, count, MOST_RECORDS):
            records = [
                {"Data": text.encode(), "PartitionKey": json.loads(text)["key"]}
                for text in texts[at : at + MOST_RECORDS]
            ]
            answer = self.client.put_records(StreamName=self.name, Records=records)
            assert answer["FailedRecordCount"] == 0
        self.sent += texts
        return texts

    def shards(self) -> list[Any]:
        """List the shards."""
        return list(self.client.list_shards(StreamName=self.name)["Shards"])

    def records(self) -> list[tuple[str, Any]]:
        """Return all records, each with its shard."""
        found = []
        for shard in self.shards():
            where = {"ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
            iterator = self.client.get_shard_iterator(StreamName=self.name, **where)
            answer = self.client.get_records(ShardIterator=iterator["ShardIterator"])
            found += [(shard["ShardId"], record) for record in answer["Records"]]
        return found

    def open(self) -> list[Any]:
        """Return the open shards, in the order of their hash keys."""
        found = [s for s in self.shards() if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
        return sorted(found, key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))

    def split(self, shard: Any) -> None:
        """Split a shard in the middle."""
        low, high = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        self.client.split_shard(
            StreamName=self.name,
            ShardToSplit=shard["ShardId"],
            NewStartingHashKey=str((low + high) // 2),
        )
        self.wait_until_active()

    def merge(self, shard: Any, next_shard: Any) -> None:
        """Merge two adjacent shards."""
        self.client.merge_shards(
            StreamName=self.name,
            ShardToMerge=shard["ShardId"],
            AdjacentShardToMerge=next_shard["ShardId"],
        )
        self.wait_until_active()


Fault = tuple[int, str]
"""Status and Kinesis' name of an error."""


class FaultProxy(Upstream):
    """A proxy to the engine that can refuse, drop or change calls."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.endpoint = self.url
        self.faults: dict[str, list[Fault]] = {}
        """Errors that the next calls of an action get as responses."""
        self.never_ends = False
        """Whether a closed shard always has a next iterator, as in some emulators."""
        self.calls: list[str] = []
        """Actions of all calls."""
        self.down = False
        """Whether the proxy drops all calls."""

    def respond(self, request: Received) -> Answer | None:
        """Forward a request, or refuse or drop it."""
        action = request.headers["x-amz-target"].split(".")[-1]
        self.calls.append(action)
        if self.down:
            return None
        json_type = {"Content-Type": "application/x-amz-json-1.1"}
        if faults := self.faults.get(action):
            status, name = faults.pop(0)
            return Answer(status, json_type, json.dumps({"__type": name, "message": name}).encode())
        connection = http.client.HTTPConnection("127.0.0.1", self.engine.port, timeout=30)
        try:
            connection.request("POST", "/", request.body, request.headers)
            answer = connection.getresponse()
            status, found = answer.status, answer.read()
        except OSError:
            return None
        finally:
            connection.close()
        if self.never_ends and action == "GetRecords" and status == 200:
            document = json.loads(found)
            if not document.get("NextShardIterator"):
                document["NextShardIterator"] = json.loads(request.body)["ShardIterator"]
                document["MillisBehindLatest"] = 0
            found = json.dumps(document).encode()
        return Answer(status, json_type, found)

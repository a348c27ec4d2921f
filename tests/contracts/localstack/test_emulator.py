"""The streaming program through the real stage: every row is in its stream, in its wire form."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES
from emulator.dataset.load import load
from hops import outbox
from tests.support import ROOT
from tests.support.example_row import SENT
from tests.support.localstack import LocalStack, everything, made_stream

USER = "0123456789ab"
STREAMS = {entity: names.stream(USER, entity) for entity in ENTITIES}


@pytest.fixture(autouse=True)
def streams(kinesis: Any) -> Iterator[None]:
    """The streams of a user of this test alone."""
    with ExitStack() as stack:
        for stream in STREAMS.values():
            stack.enter_context(made_stream(kinesis, stream))
        yield


def test_posts_one_by_one_and_in_batches(
    localstack: LocalStack, kinesis: Any, tmp_path: Path
) -> None:
    source, file = f"sqlite:///{tmp_path}/posts.db", tmp_path / "outbox.db"
    load(source)
    for options in (("--count", "2"), ("--count", "7", "--batch-size", "3")):
        done = subprocess.run(
            [sys.executable, "-m", "emulator.user_posting_emulation_streaming", *options,
             "--rate", "max", "--json"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "USER_ID": USER,
                "SOURCE_DATABASE_URL": source,
                "GATEWAY_INVOKE_URL": localstack.api,
                "EMULATOR_OUTBOX": str(file),
            },
            capture_output=True,
            text=True,
            timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    for entity in ENTITIES:
        stream = STREAMS[entity]
        found = everything(kinesis, stream)
        keys = [record["PartitionKey"] for record in found]
        rows = [json.loads(record["Data"]) for record in found]
        assert keys == [str(row[entity.key]) for row in rows]
        assert keys == ["7528", "2863", "7528", "2863", "5730", "8304", "8731", "1313", "4315"]
        assert rows[0] == rows[2] == SENT[entity]
        sent = outbox.rows(file, "target = ?", (stream,))
        assert [str(row.key) for row in sent] == keys
        (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
        assert {row.shard for row in sent} == {shard["ShardId"]}
        numbers = [int(row.sequence_number or "") for row in sent]
        assert numbers == sorted(set(numbers)), "a position is a record's own, in the order sent"

"""The Kinesis source, reading into Spark's no-op sink, compared with a bare boto3 reader.

Both read the same stream, one after the other, in the same run and from the project's engine, which
shares the machine's cores with them. The bare reader requests pages and counts their records; the
source plans batches, writes a checkpoint and makes rows of the records in Spark's executors. The
first read warms Spark up. The bench asserts no speed, only that both have read every record.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.support import ROOT
from tests.support.engine import Engine, Stream
from tests.support.program import spark_environment

RECORDS, SIZE, SHARDS = 150_000, 720, 3
"""Records of the stream, bytes of each, and number of shards."""
ROUNDS = 3


@pytest.fixture
def stream(engine: Engine) -> Stream:
    """A stream with all records."""
    made = engine.stream(SHARDS)
    made.put(RECORDS, keys=997, size=SIZE)
    return made


@pytest.fixture
def reading(engine: Engine, stream: Stream, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Spark, waiting for a line that starts a read."""
    process = subprocess.Popen(
        ["spark/run.sh", "tests.support.kinesis_read", engine.endpoint, stream.name],
        cwd=ROOT,
        env=spark_environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def by_spark(process: subprocess.Popen[str]) -> Any:
    """Let Spark read the stream; return its output."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("read\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


def bare(engine: Engine, stream: Stream) -> tuple[int, float]:
    """Read by a plain reader; return the number of records and the seconds."""
    client = engine.client
    began, found = time.perf_counter(), 0
    for shard in stream.shards():
        iterator = client.get_shard_iterator(
            StreamName=stream.name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = client.get_records(ShardIterator=iterator, Limit=10_000)
            if not answer["Records"]:
                break
            found += len(answer["Records"])
            iterator = answer["NextShardIterator"]
    return found, time.perf_counter() - began


@pytest.mark.timeout(600)
def test_source_against_a_bare_reader(
    engine: Engine,
    stream: Stream,
    reading: subprocess.Popen[str],
    say: Callable[..., None],
) -> None:
    assert by_spark(reading)["records"] == RECORDS
    lines, ratios = [], []
    for _ in range(ROUNDS):
        found, seconds = bare(engine, stream)
        assert found == RECORDS
        read = by_spark(reading)
        assert read["records"] == RECORDS
        ratios.append(seconds / read["seconds"])
        lines.append(
            f"  source {RECORDS / read['seconds']:8,.0f} records/s in {read['batches']} batches,"
            f" bare reader {RECORDS / seconds:8,.0f} records/s, ratio {ratios[-1]:.2f}"
        )
    lines.append(f"  ratio, middle of {ROUNDS}: {median(ratios):.2f}")
    say(f"Kinesis source, {RECORDS:,} records of {SIZE} bytes", *lines)

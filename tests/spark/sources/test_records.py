"""The conversion of records to rows, without Kinesis and without Spark."""

import subprocess
import sys
from datetime import UTC, datetime

import pytest

from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.records import Record, rows
from tests.support import ROOT

SHARD = ShardName("a stream", "shardId-000000000007")
MILLISECONDS = 1_500_000_000_123


def record(key: str, data: bytes, number: str) -> Record:
    return {
        "PartitionKey": key,
        "Data": data,
        "SequenceNumber": number,
        "ApproximateArrivalTimestamp": MILLISECONDS,
    }


@pytest.mark.parametrize("count", [0, 1, 3])
def test_rows_are_the_records_in_their_order(count: int) -> None:
    given = [
        ("Zoë 🙂", b"\x00\xff", "49590338271490256608559692538361571095921575989136588898"),
        ("", b"", "2"),
        ("k" * 256, b"x" * 70_000, "3"),
    ][:count]
    found = rows(SHARD, [record(*one) for one in given])
    found.validate(full=True)
    assert found.to_pylist() == [
        {
            "partitionKey": key,
            "data": data,
            "stream": "a stream",
            "shardId": "shardId-000000000007",
            "sequenceNumber": number,
            "approximateArrivalTimestamp": datetime(2017, 7, 14, 2, 40, 0, 123_000, UTC),
        }
        for key, data, number in given
    ]


def test_reading_a_stream_imports_no_pandas() -> None:
    """pandas is installed for other jobs; its import would cost each process of a query 50 MiB."""
    code = """
import importlib.util, sys
from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.partitions import _rows
from spark.pipeline.sources.kinesis.records import rows
keys = ("PartitionKey", "Data", "SequenceNumber", "ApproximateArrivalTimestamp")
partition = _rows([rows(ShardName("s", "i"), [dict(zip(keys, ("k", b"d", "1", 1)))])])
assert sum(batch.num_rows for batch in partition.read(None)) == 1
assert importlib.util.find_spec("pandas"), "pandas is not installed"
assert "pandas" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr

"""Hop 3, Kinesis Data Streams: records of a stream, read without Spark."""

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from hops.access import Access
from hops.errors import hop_errors

HOP = "kinesis"


@dataclass(frozen=True, slots=True)
class KinesisRecord:
    """A record and its position."""

    shard: str
    sequence_number: str
    data: bytes


def read(access: Access, stream: str) -> Iterator[KinesisRecord]:
    """Every record that the stream still keeps, shard by shard, the oldest first.

    Raises:
        HopError: the stream doesn't exist, or Kinesis doesn't respond.
    """
    with hop_errors(HOP, f"stream {stream}", BotoCoreError, ClientError):
        pages = access.kinesis.get_paginator("list_shards").paginate(StreamName=stream)
        for shard in [shard["ShardId"] for page in pages for shard in page["Shards"]]:
            yield from _read(access, stream, shard)


def _read(access: Access, stream: str, shard: str) -> Iterator[KinesisRecord]:
    kinesis = access.kinesis
    first = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )
    position: str | None = first["ShardIterator"]
    while position:
        page = kinesis.get_records(ShardIterator=position)
        for record in page["Records"]:
            yield KinesisRecord(shard, record["SequenceNumber"], record["Data"])
        if not page["Records"] and not page.get("MillisBehindLatest"):
            return
        position = page.get("NextShardIterator")

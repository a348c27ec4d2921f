"""Reads pages of records by GetRecords, and converts them to rows with Databricks' columns."""

import time
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import pyarrow as pa
from botocore.exceptions import ClientError

from spark.pipeline.errors import SourceError
from spark.pipeline.sources.kinesis.client import EXPIRED, INVALID, Kinesis, code
from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.position import TRIM_HORIZON, at_time, is_record, time_of

SCHEMA = (
    "partitionKey string, data binary, stream string, shardId string,"
    " sequenceNumber string, approximateArrivalTimestamp timestamp"
)
"""Columns of the source, the same as in Databricks' source."""

_NAMES = [column.split()[0] for column in SCHEMA.split(", ")]

FIRST_LOOK_BACK, STEP, LONGEST_LOOK_BACK = 1_000, 4, 400 * 24 * 3_600_000
"""First step back in ms, its factor per attempt, and more than a stream keeps (365 days)."""

Record = dict[str, Any]
"""A record from boto3, with the arrival in epoch milliseconds."""


class NotOfThisShardError(Exception):
    """Kinesis refuses the position: the stream is another one with the same name."""


def rows(shard: ShardName, records: list[Record]) -> pa.RecordBatch:
    """Convert a shard's records to rows, in their order."""
    count = len(records)
    arrivals = array("q", [1000 * record["ApproximateArrivalTimestamp"] for record in records])
    columns = [
        _column(pa.string(), [record["PartitionKey"].encode() for record in records]),
        _column(pa.binary(), [record["Data"] for record in records]),
        _column(pa.string(), [shard.stream.encode()] * count),
        _column(pa.string(), [shard.id.encode()] * count),
        _column(pa.string(), [record["SequenceNumber"].encode() for record in records]),
        pa.Array.from_buffers(pa.timestamp("us", "UTC"), count, [None, pa.py_buffer(arrivals)]),
    ]
    return pa.RecordBatch.from_arrays(columns, names=_NAMES)


def _column(kind: pa.DataType, values: list[bytes]) -> pa.Array:
    """Make a column of bytes, or of texts in UTF-8, without nulls.

    ``pa.array`` is not used: it imports pandas if installed, which costs 50 MiB and most of a
    second in each process that plans or reads a stream.
    """
    ends = array("i", accumulate(map(len, values), initial=0))
    content = pa.py_buffer(b"".join(values))
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(ends), content])


@dataclass(frozen=True, slots=True)
class Page:
    """The result of one call of GetRecords."""

    records: list[Record]
    """Records after the requested position."""
    asked: float
    """Time of the call, by the monotonic clock."""
    up_to_date: bool
    """Whether there were no further records at the time of the call."""
    last: bool
    """Whether the shard is closed and this is its end."""


def pages(
    kinesis: Kinesis, shard: ShardName, after: str, limit: int, first: str | None = None
) -> Iterator[Page]:
    """Read a shard after a position, without end or until its end.

    Args:
        kinesis: the client.
        shard: the shard.
        after: the position.
        limit: records per page, at most.
        first: sequence number with which the shard starts, to check each page: an iterator may
            continue in a stream that was created again under the same name.

    Raises:
        NotOfThisShardError: the position is not in this shard.
        SourceError: Kinesis refuses, or was unavailable for too long.
    """
    position, iterator, fresh = after, None, False
    wanted = time_of(after)
    while True:
        asked = time.monotonic()
        if iterator is None:
            iterator, fresh = _iterator(kinesis, shard, position), True
        outages = kinesis.outages
        try:
            answer = kinesis.call(
                "get_records",
                str(shard),
                passed=(EXPIRED, INVALID),
                ShardIterator=iterator,
                Limit=limit,
            )
        except ClientError as error:
            if code(error) == INVALID and fresh:
                raise SourceError(f"{shard}: {error}") from error
            iterator = None  # it is older than five minutes, or the endpoint was restarted
            continue
        if kinesis.outages > outages:
            iterator = None  # it may belong to another stream now; a wrong position is refused
            continue
        records: list[Record] = answer["Records"]
        iterator, fresh = answer.get("NextShardIterator"), False
        up_to_date = answer.get("MillisBehindLatest", 0) == 0 and len(records) < limit
        if records:
            if first is not None:
                _check(kinesis, shard, position, first)
            position = records[-1]["SequenceNumber"]
        if wanted is not None and records:
            # boto3 sends whole seconds, and emulators may treat the time as a hint.
            skipped = next(
                (
                    n
                    for n, record in enumerate(records)
                    if record["ApproximateArrivalTimestamp"] >= wanted
                ),
                len(records),
            )
            records = records[skipped:]
            wanted = None if records else wanted
        yield Page(records, asked, up_to_date, iterator is None)
        if iterator is None:
            return


def _check(kinesis: Kinesis, shard: ShardName, position: str, first: str) -> None:
    """Check that records which were read after a position are from the position's shard."""
    if is_record(position):
        _iterator(kinesis, shard, position)  # another stream refuses the position
        return
    listed = {s.name: s.first for s in kinesis.shards(shard.stream)}
    if listed.get(shard) != first:
        raise NotOfThisShardError(f"{shard} starts with {listed.get(shard)}, not with {first}")


def _iterator(kinesis: Kinesis, shard: ShardName, position: str) -> Any:
    where: dict[str, Any] = {"ShardIteratorType": TRIM_HORIZON}
    if is_record(position):
        where = {
            "ShardIteratorType": "AFTER_SEQUENCE_NUMBER",
            "StartingSequenceNumber": position,
        }
    elif (milliseconds := time_of(position)) is not None:
        where = {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": milliseconds // 1000}
    try:
        answer = kinesis.call(
            "get_shard_iterator",
            str(shard),
            passed=(INVALID,),
            StreamName=shard.stream,
            ShardId=shard.id,
            **where,
        )
    except ClientError as error:
        raise NotOfThisShardError(f"{shard}: {error}") from error
    return answer["ShardIterator"]


def newest_position(kinesis: Kinesis, name: ShardName, limit: int) -> str | None:
    """Find the position after the newest record of a shard; None if it is empty.

    Kinesis has no call for it: the shard is read from a recent time on, and from an earlier one if
    there are no records.
    """
    now, back = int(time.time() * 1000), FIRST_LOOK_BACK
    while True:
        oldest = back > LONGEST_LOOK_BACK
        last = None
        for page in pages(kinesis, name, TRIM_HORIZON if oldest else at_time(now - back), limit):
            if page.records:
                last = page.records[-1]["SequenceNumber"]
            if page.up_to_date:
                break
        if last or oldest:
            return last
        back *= STEP

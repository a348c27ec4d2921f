"""Ranges read again: by executors that know nothing but the range, and where a shard ends now."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa

from spark.pipeline.sources.kinesis.client import Kinesis
from spark.pipeline.sources.kinesis.loss import kept, lost
from spark.pipeline.sources.kinesis.offsets import Range, ShardName
from spark.pipeline.sources.kinesis.options import Options
from spark.pipeline.sources.kinesis.position import SHARD_END, TRIM_HORIZON, at, is_record
from spark.pipeline.sources.kinesis.records import NotOfThisShardError, Page, pages, rows

EMPTY_PAGES = 3
"""Empty pages, up to date, after which there is nothing more: Kinesis may give one in passing."""
FIRST_LOOK_BACK, STEP, LONGEST_LOOK_BACK = 1_000, 4, 400 * 24 * 3_600_000
"""Milliseconds, how many times more with each try, and more than a stream keeps (365 days)."""


def reread(options: Options, name: ShardName, r: Range) -> Iterator[pa.RecordBatch]:
    """Read a range of a shard and check that it holds what it held.

    Yields:
        Rows (``records.SCHEMA``), in the order of the shard.

    Raises:
        DataLossError: records of it are gone, and the query is to fail.
        SourceError: Kinesis refuses, or has been away for too long.
    """
    kinesis = Kinesis(options)
    count, oldest, met = 0, 0, r.to == SHARD_END
    try:
        for page in _until(pages(kinesis, name, r.after, options.fetch_records), r.to):
            records = page.records
            if is_record(r.to):
                end = int(r.to)
                records = [record for record in records if int(record["SequenceNumber"]) <= end]
            if records:
                oldest = oldest or records[0]["ApproximateArrivalTimestamp"]
                met = met or records[-1]["SequenceNumber"] == r.to
                count += len(records)
                yield rows(name, records)
    except NotOfThisShardError as error:
        lost(options, f"a batch of the checkpoint can't be read again: {error}")
        return
    if count == r.records or (r.records is None and met):
        return
    what = f"{name}: the batch of the checkpoint, {r}, "
    if r.records is None:
        what += f"ends with a record that is gone, as {kept(kinesis, name.stream)}"
    else:
        what += f"held {r.records} records when it was planned and holds {count} now, as "
        what += f"{kept(kinesis, name.stream)}"
    if oldest:
        since = datetime.fromtimestamp(oldest / 1000, UTC)
        what += f" and has it from {since:%Y-%m-%d %H:%M:%S} UTC on"
    lost(options, what)


def _until(found: Iterator[Page], to: str) -> Iterator[Page]:
    """Pages up to the one with the record ``to``, or with nothing more to come."""
    empty = 0
    for page in found:
        yield page
        if is_record(to) and page.records and int(page.records[-1]["SequenceNumber"]) >= int(to):
            return
        empty = empty + 1 if page.up_to_date and not page.records else 0
        if empty == EMPTY_PAGES:
            return


def tip(kinesis: Kinesis, name: ShardName, limit: int) -> str | None:
    """Find the position after the newest record of a shard; None if it holds none.

    Kinesis has no call for it: the shard is read from a while ago, and from longer ago if there
    is nothing.
    """
    now, back = int(time.time() * 1000), FIRST_LOOK_BACK
    while True:
        oldest = back > LONGEST_LOOK_BACK
        last = None
        for page in pages(kinesis, name, TRIM_HORIZON if oldest else at(now - back), limit):
            if page.records:
                last = page.records[-1]["SequenceNumber"]
            if page.up_to_date:
                break
        if last or oldest:
            return last
        back *= STEP

"""The tasks of a batch: with rows that the planner has fetched, or with ranges to read again."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
from pyspark.sql.datasource import InputPartition

from spark.pipeline.sources.kinesis.client import Kinesis
from spark.pipeline.sources.kinesis.loss import report_loss, retention
from spark.pipeline.sources.kinesis.offsets import Range, ShardName
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.position import SHARD_END, is_record
from spark.pipeline.sources.kinesis.records import NotOfThisShardError, Page, pages, rows

EMPTY_PAGES = 3
"""Empty, up-to-date pages that mark the end of a shard: Kinesis may return single ones earlier."""
RangeRows = tuple[ShardName, Range, list[pa.RecordBatch] | None]
"""A range of a shard, and its rows if they were fetched."""


@dataclass(frozen=True)
class RowsPartition(InputPartition):  # type: ignore[misc]
    """Rows in Arrow's stream format, which are not read from Kinesis a second time."""

    stream: bytes

    def read(self, options: KinesisOptions) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        with pa.ipc.open_stream(self.stream) as reader:
            yield from reader


@dataclass(frozen=True)
class RangePartition(InputPartition):  # type: ignore[misc]
    """A range of a shard from the checkpoint."""

    shard: ShardName
    range: Range

    def read(self, options: KinesisOptions) -> Iterator[pa.RecordBatch]:
        """Read the range again and check that its records are complete.

        Yields:
            Rows (``records.SCHEMA``), in the order of the shard.

        Raises:
            DataLossError: records of it are lost, and the query is to fail.
            SourceError: Kinesis refuses, or was unavailable for too long.
        """
        kinesis, name, r = Kinesis(options), self.shard, self.range
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
            report_loss(options, f"a batch of the checkpoint can't be read again: {error}")
            return
        if count == r.records or (r.records is None and met):
            return
        what = "ends with a record that is gone"
        if r.records is not None:
            what = f"held {r.records} records when it was planned and holds {count} now"
        kept = retention(kinesis, name.stream)
        what = f"{name}: the batch of the checkpoint, {r}, {what}, as {kept}"
        if oldest:
            since = datetime.fromtimestamp(oldest / 1000, UTC)
            what += f" and has it from {since:%Y-%m-%d %H:%M:%S} UTC on"
        report_loss(options, what)


def _until(found: Iterator[Page], to: str) -> Iterator[Page]:
    """Yield pages up to the one with the record ``to``, or up to the end."""
    empty = 0
    for page in found:
        yield page
        if is_record(to) and page.records and int(page.records[-1]["SequenceNumber"]) >= int(to):
            return
        empty = empty + 1 if page.up_to_date and not page.records else 0
        if empty == EMPTY_PAGES:
            return


def make_tasks(
    pieces: Iterable[RangeRows], options: KinesisOptions
) -> list[RowsPartition | RangePartition]:
    """Make the tasks of a batch.

    Small shards share a task, which costs more than their rows; a large shard gets several tasks.
    """
    made: list[RowsPartition | RangePartition] = []
    fetched: list[list[pa.RecordBatch]] = []
    for shard, r, batches in pieces:
        if batches is None:
            made.append(RangePartition(shard, r))
        else:
            fetched.append(batches)
    size = sum(batch.nbytes for batches in fetched for batch in batches)
    if options.coalesce and fetched and size / len(fetched) < options.small_bytes:
        fetched = [[batch for batches in fetched for batch in batches]]
    for batches in fetched:
        made += [_rows(part) for part in _bins(batches, options.bin_bytes)]
    return made


def _bins(batches: list[pa.RecordBatch], size: int) -> Iterator[list[pa.RecordBatch]]:
    """Split batches, in their order, into parts of about ``size`` bytes."""
    part: list[pa.RecordBatch] = []
    for batch in batches:
        if part and sum(b.nbytes for b in part) + batch.nbytes > size:
            yield part
            part = []
        part.append(batch)
    if part:
        yield part


def _rows(batches: list[pa.RecordBatch]) -> RowsPartition:
    sink = pa.BufferOutputStream()
    # Compressed, because it is copied between processes several times.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return RowsPartition(sink.getvalue().to_pybytes())

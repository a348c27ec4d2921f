"""What a task of a batch gets: rows that planning holds, or ranges that it's to read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql.datasource import InputPartition

from spark.pipeline.sources.kinesis.offsets import Range, ShardName
from spark.pipeline.sources.kinesis.options import Options
from spark.pipeline.sources.kinesis.ranges import reread

Piece = tuple[ShardName, Range, list[pa.RecordBatch] | None]
"""A range of a shard, and its rows if they are held."""


@dataclass(frozen=True)
class RowsPartition(InputPartition):  # type: ignore[misc]
    """Rows, in Arrow's stream format: nobody has to ask Kinesis for them a second time."""

    stream: bytes

    def read(self, options: Options) -> Iterator[pa.RecordBatch]:
        """Yield the rows."""
        with pa.ipc.open_stream(self.stream) as reader:
            yield from reader


@dataclass(frozen=True)
class RangePartition(InputPartition):  # type: ignore[misc]
    """A range of a shard, as the checkpoint has it."""

    shard: ShardName
    range: Range

    def read(self, options: Options) -> Iterator[pa.RecordBatch]:
        """Read the range again and check it."""
        yield from reread(options, self.shard, self.range)


def pack(pieces: Iterable[Piece], options: Options) -> list[RowsPartition | RangePartition]:
    """Make the tasks of a batch.

    Small shards share tasks, as a task costs more than their rows; the rows of a large one go into
    several.
    """
    made: list[RowsPartition | RangePartition] = []
    held: list[list[pa.RecordBatch]] = []
    for shard, r, batches in pieces:
        if batches is None:
            made.append(RangePartition(shard, r))
        else:
            held.append(batches)
    size = sum(batch.nbytes for batches in held for batch in batches)
    if options.coalesce and held and size / len(held) < options.small_bytes:
        held = [[batch for batches in held for batch in batches]]
    for batches in held:
        made += [_rows(part) for part in _bins(batches, options.bin_bytes)]
    return made


def _bins(batches: list[pa.RecordBatch], size: int) -> Iterator[list[pa.RecordBatch]]:
    """Batches in their order, in parts of about ``size`` bytes."""
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
    # Compressed, as it's copied from process to process several times.
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return RowsPartition(sink.getvalue().to_pybytes())

"""Handles lost records: fails with the reason, or warns and continues."""

import sys
from collections.abc import Mapping

from spark.pipeline.errors import DataLossError
from spark.pipeline.sources.kinesis.client import Kinesis
from spark.pipeline.sources.kinesis.offsets import Range, ShardName
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.position import SHARD_END
from spark.pipeline.sources.kinesis.shards import Lineage

HINT = "; start with a new checkpoint, or with failOnDataLoss=false to go on with what exists"


def report_loss(options: KinesisOptions, message: str) -> None:
    """Fail with the message, or warn, according to ``failOnDataLoss``.

    Raises:
        DataLossError: the query is to fail.
    """
    if options.fail_on_data_loss:
        raise DataLossError(message + HINT)
    sys.stderr.write(f"kinesis: {message}\n")


def retention(kinesis: Kinesis, stream: str) -> str:
    """Return in words how long a stream keeps its records."""
    hours = kinesis.retention_hours(stream)
    return f"the stream keeps records for {hours} hours" if hours else "the stream's retention"


def existing_ranges(
    options: KinesisOptions, kinesis: Kinesis, lineage: Lineage, ranges: Mapping[ShardName, Range]
) -> dict[ShardName, Range]:
    """Return the ranges whose shards still exist; report the loss of the others.

    A stream that was created again is read from its beginning, a missing shard is left out.

    Raises:
        DataLossError: a range is lost and the query is to fail.
    """
    again: set[str] = set()
    gone: set[ShardName] = set()
    for name, r in ranges.items():
        listed = lineage.shards.get(name)
        if listed is not None and listed.first != r.first:
            again.add(name.stream)
        elif listed is None and r.to != SHARD_END:
            gone.add(name)
    for stream in sorted(again):
        report_loss(
            options,
            f"stream {stream} was deleted and created again: what the old one got after the"
            " checkpoint's last batch is lost",
        )
    for name in sorted(gone):
        if name.stream not in again:
            report_loss(
                options,
                f"{name} is no longer there: it was closed, and what it held after"
                f" {ranges[name].to} is gone, as {retention(kinesis, name.stream)}",
            )
    return {n: r for n, r in ranges.items() if n.stream not in again and n not in gone}

"""Kinesis to hop 7: the records of a stream, each with the position that it came from.

What ``objects`` is to the batch pipeline: everything after this module is shared.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

POSITION = ("arrived_at", "stream", "shard", "digits", "sequence_number")
"""Fields of a record's position: when Kinesis took it (UTC), the stream, the shard, and the
sequence number after its number of digits, so that the order of the texts is that of the numbers.
Within a shard it is the order of arrival; two shards of a stream are compared by Kinesis' clock."""


def records(rows: DataFrame) -> DataFrame:
    """Read rows of the Kinesis source as records.

    Args:
        rows: ``data`` (binary), ``stream``, ``shardId``, ``sequenceNumber`` (texts) and
            ``approximateArrivalTimestamp``, as Databricks' source has them.

    Returns:
        ``raw`` (the data as text; bytes that are no UTF-8 become U+FFFD) and ``position``.
    """
    return rows.select(
        F.make_valid_utf8(F.col("data").cast("string")).alias("raw"),
        F.col("approximateArrivalTimestamp").alias("arrived_at"),
        "stream",
        F.col("shardId").alias("shard"),
        F.length("sequenceNumber").alias("digits"),
        F.col("sequenceNumber").alias("sequence_number"),
    ).select("raw", F.struct(*POSITION).alias("position"))

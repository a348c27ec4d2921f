"""Kinesis to hop 7: reads the records of a stream, each with its position.

It is the counterpart of ``objects``; both pipelines share the modules after it.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

POSITION = ("arrived_at", "stream", "shard", "digits", "sequence_number")
"""Fields of a record's position: its arrival in Kinesis (UTC), the stream, the shard, and the
sequence number after its number of digits, so that texts are in the order of the numbers. Within a
shard this is the order of arrival; records of two shards are compared by Kinesis' clock."""


def records(rows: DataFrame) -> DataFrame:
    """Read rows of the Kinesis source as records.

    Args:
        rows: ``data`` (binary), ``stream``, ``shardId``, ``sequenceNumber`` (texts) and
            ``approximateArrivalTimestamp``, as in Databricks' source.

    Returns:
        ``raw`` (the data as text; invalid UTF-8 becomes U+FFFD) and ``position``.
    """
    return rows.select(
        F.make_valid_utf8(F.col("data").cast("string")).alias("raw"),
        F.col("approximateArrivalTimestamp").alias("arrived_at"),
        "stream",
        F.col("shardId").alias("shard"),
        F.length("sequenceNumber").alias("digits"),
        F.col("sequenceNumber").alias("sequence_number"),
    ).select("raw", F.struct(*POSITION).alias("position"))

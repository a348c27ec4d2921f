"""Hop 6 to 7: reads the S3 sink's objects as records, each with its position.

A position is a struct whose order is the order of arrival: the later of two records has the greater
position. The modules after this one accept any such struct; ``streams`` has another.
"""

from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract.names import OFFSET_WIDTH, TOPICS_DIR

POSITION = ("stored_at", "topic", "partition", "start_offset", "line", "object")
"""Fields of a record's position: when its object was stored (UTC); the Kafka topic, the partition
and the offset of the object's first record, from the object's key; the line in it, from 1; the
key. The record's own offset is ``start_offset + line - 1`` unless the sink left out a record."""

_KEY = rf"({TOPICS_DIR}/([^/]+)/partition=(\d+)/[^/]*\+(\d{{{OFFSET_WIDTH},}})\.json)$"


def stored(reader: Any, folder: str) -> DataFrame:
    """Read the objects of a topic, at once or as a stream.

    Args:
        reader: ``spark.read`` or ``spark.readStream``.
        folder: URI of the topic's folder.

    Returns:
        The argument of ``records``.
    """
    return (
        reader.format("text")
        .option("wholetext", True)  # the line number is the position: lines are split here
        .load(f"{folder}/partition=*")
        .select(
            "value",
            F.col("_metadata.file_path").alias("path"),
            F.col("_metadata.file_modification_time").alias("stored_at"),
        )
    )


def key(path: Column) -> Column:
    """Return the key of an object from its URI, or the URI if the sink did not write the object."""
    found = F.regexp_extract(path, _KEY, 1)
    return F.when(found != "", found).otherwise(path)


def records(objects: DataFrame) -> DataFrame:
    """Split objects into records.

    Args:
        objects: ``value`` (the whole text of an object), ``path`` (its URI), ``stored_at``.

    Returns:
        ``raw`` (one line, without its end) and ``position``. An empty line is a record, except
        after the last line's end.
    """
    path = F.col("path")

    def part(group: int) -> Column:
        text = F.regexp_extract(path, _KEY, group)
        return F.when(text != "", text)

    whole = F.when(F.col("value").endswith("\n"), F.col("value")).otherwise(
        F.concat("value", F.lit("\n"))
    )
    lines = F.split(whole, "\n")
    return (
        objects.where(F.length("value") > 0)
        .select(
            "stored_at",
            part(2).alias("topic"),
            part(3).cast("int").alias("partition"),
            part(4).cast("long").alias("start_offset"),
            key(path).alias("object"),
            F.posexplode(F.slice(lines, 1, F.size(lines) - 1)).alias("line", "raw"),
        )
        .withColumn("line", F.col("line") + 1)
        .select("raw", F.struct(*POSITION).alias("position"))
    )

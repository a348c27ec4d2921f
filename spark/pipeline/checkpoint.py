"""Which objects a file stream has read: what its checkpoint says.

A checkpoint keeps the files of each batch in ``sources/0`` (one JSON document a line; every tenth
file repeats those before it) and a file for each batch that has ended in ``commits``.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from spark.pipeline.objects import key

FOLDERS = ("sources/0", "commits")


def objects_read(lines: DataFrame) -> DataFrame:
    """Return the objects of the batches that have ended.

    Args:
        lines: ``value`` and ``file`` (its URI), the lines of the files in ``FOLDERS``.

    Returns:
        ``object`` (its key) and ``read_stored_at``, one row an object.
    """
    ended = F.regexp_extract("file", r"/commits/(\d+)$", 1).try_cast("bigint")
    last = lines.select(F.max(ended).alias("last"))
    entry = F.from_json("value", "path string, timestamp bigint, batchId bigint")
    return (
        lines.where(F.col("file").contains("/sources/0/"))
        .select(entry.alias("entry"))
        .join(F.broadcast(last), F.col("entry.batchId") <= F.col("last"))
        .groupBy(key(F.col("entry.path")).alias("object"))
        .agg(F.max(F.timestamp_millis("entry.timestamp")).alias("read_stored_at"))
    )

"""What it costs that an append of the stream fails behind its successor.

In turn a plain append, one with Delta's own option, and one of ``TableWriter`` write the same rows
to tables of their own in one Spark, with the settings of the streaming job. The bench asserts no
speed, only the rows.
"""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from pyspark.sql import DataFrame, SparkSession

from contract.entities import GEO
from spark.pipeline.delta.tables import Table
from spark.pipeline.delta.writer import APPLICATION, TableWriter
from spark.pipeline.schemas import CLEANED
from tests.spark.conftest import spark, streaming_spark

__all__ = ["spark", "streaming_spark"]

WARM, APPENDS, ROWS = 30, 40, 20

pytestmark = [pytest.mark.timeout(1800)]


def test_an_append(streaming_spark: SparkSession, tmp_path: Path, say: Callable[..., None]) -> None:
    session, schema = streaming_spark, CLEANED[GEO]
    tables = [Table(f"{tmp_path}/{name}") for name in ("plain", "option", "writer")]
    for table in tables:
        table.create(session, schema)
    plain, option, written = tables
    writer = TableWriter(session, written)

    def with_option(rows: DataFrame, note: dict[str, int]) -> None:
        made = rows.write.format("delta").mode("append").option("txnAppId", APPLICATION)
        made.option("txnVersion", note["batch"]).save(option.uri)

    ways: list[Callable[[DataFrame, dict[str, int]], None]]
    ways = [plain.append, with_option, writer.append]
    took: list[list[float]] = [[] for _ in ways]
    for number in range(WARM + APPENDS):
        keys = range(number * ROWS, (number + 1) * ROWS)
        empty = [None] * (len(schema) - 1)
        rows = session.createDataFrame([(key, *empty) for key in keys], schema).coalesce(1)
        rows.persist().count()
        for way, times in zip(ways, took, strict=True):
            begun = time.perf_counter()
            way(rows, {"batch": number})
            times.append(time.perf_counter() - begun)
        rows.unpersist()
    for table in tables:
        assert table.read(session).count() == ROWS * (WARM + APPENDS)
    base, *others = (median(times[WARM:]) for times in took)
    say(
        f"an append of {ROWS} rows, median of {APPENDS}: {base:.3f} s; with Delta's option"
        f" {others[0] / base:.2f}, by the writer {others[1] / base:.2f} of that"
    )

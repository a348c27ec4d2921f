"""Hop 7: what a session has on Databricks and lacks on open Spark, for code from elsewhere.

The local Jobs API calls ``prepare`` before a notebook; on Databricks nobody does. Our own jobs
and notebooks do without.
"""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql.streaming.readwriter import DataStreamWriter

from contract.settings import Settings
from spark.pipeline.sources.kinesis import register


def prepare(spark: SparkSession) -> None:
    """Give a session the format ``kinesis``, and ``writeStream`` its ``table``."""
    register(spark, Settings.from_environ())
    if not hasattr(DataStreamWriter, "table"):
        DataStreamWriter.table = DataStreamWriter.toTable

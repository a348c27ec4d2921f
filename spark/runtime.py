"""Hop 7: adds to a session of open Spark what Databricks has, for notebooks written for Databricks.

The local Jobs API calls ``prepare`` before a notebook; on Databricks it is not needed. The jobs
and notebooks of this project do not depend on it.
"""

from pyspark.sql import SparkSession
from pyspark.sql.streaming.readwriter import DataStreamWriter

from contract.settings import Settings
from spark import auto_loader
from spark.pipeline.sources.kinesis import register


def prepare(spark: SparkSession) -> None:
    """Add the formats ``kinesis`` and ``cloudFiles``, and ``table`` to ``writeStream``."""
    register(spark, Settings.from_environ())
    auto_loader.install()
    if not hasattr(DataStreamWriter, "table"):
        DataStreamWriter.table = DataStreamWriter.toTable

"""The data source that Spark is told of."""

from __future__ import annotations

from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource

from contract.settings import Settings
from spark.pipeline.sources.kinesis.options import Options
from spark.pipeline.sources.kinesis.reader import KinesisStreamReader
from spark.pipeline.sources.kinesis.records import SCHEMA


class KinesisDataSource(DataSource):  # type: ignore[misc]
    """``spark.readStream.format("kinesis")``; the package's docstring says how to use it."""

    @classmethod
    def name(cls) -> str:
        """The format's name."""
        return "kinesis"

    def schema(self) -> str:
        """The columns. Asked for when a query is defined, so wrong options come to light then.

        Raises:
            OptionError: an option is unknown, missing, or has a value that can't be used.
        """
        Options.parse(self.options)
        return SCHEMA

    def streamReader(self, schema: object) -> KinesisStreamReader:
        """The reader of one query."""
        return KinesisStreamReader(Options.parse(self.options))


def register(spark: SparkSession, settings: Settings) -> bool:
    """Make the format ``kinesis`` known, where AWS has an endpoint of ours; say whether it does.

    On Databricks, where ``AWS_ENDPOINT_URL`` isn't set, the format is Databricks' own.
    """
    if settings.aws_endpoint_url is None:
        return False
    spark.dataSource.register(KinesisDataSource)
    return True

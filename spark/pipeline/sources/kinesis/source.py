"""The data source that Spark is told of."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

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

    defaults: Mapping[str, str] = MappingProxyType({})
    """Options of queries that don't give them."""

    def schema(self) -> str:
        """The columns. Asked for when a query is defined, so wrong options come to light then.

        Raises:
            OptionError: an option is unknown, missing, or has a value that can't be used.
        """
        self.parsed()
        return SCHEMA

    def streamReader(self, schema: object) -> KinesisStreamReader:
        """The reader of one query."""
        return KinesisStreamReader(self.parsed())

    def parsed(self) -> Options:
        """The options of the query."""
        given = {name.lower() for name in self.options}
        missing = {n: value for n, value in self.defaults.items() if n.lower() not in given}
        return Options.parse({**self.options, **missing})


def register(spark: SparkSession, settings: Settings, **defaults: str) -> bool:
    """Make the format ``kinesis`` known, where AWS has an endpoint of ours; say whether it does.

    On Databricks, where ``AWS_ENDPOINT_URL`` isn't set, the format is Databricks' own.

    Args:
        spark: the session.
        settings: say where AWS is.
        defaults: options of queries that don't give them, such as those that Databricks lacks.
    """
    if settings.aws_endpoint_url is None:
        return False
    source = type("KinesisWithDefaults", (KinesisDataSource,), {"defaults": dict(defaults)})
    spark.dataSource.register(source)
    return True

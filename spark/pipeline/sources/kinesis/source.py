"""The data source that is registered with Spark, and the stream reader of one query.

Spark 4.1 calls ``latestOffset()`` without the start of the batch, so the reader stores the start.
After a restart Spark reports the start by ``partitions(x, x)``, where x is the last offset in the
checkpoint, but may call ``latestOffset()`` earlier. With Trigger.AvailableNow, of which the reader
is not informed, Spark reads up to the first result, and later calls are for progress reports only.

Spark does not store the initial offset: if the first batch is read again, its start is a new one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader

from contract.settings import Settings
from spark.pipeline.sources.kinesis.offsets import Offset
from spark.pipeline.sources.kinesis.options import KinesisOptions, ignored
from spark.pipeline.sources.kinesis.partitions import RangePartition, RowsPartition, make_tasks
from spark.pipeline.sources.kinesis.planner import Planner
from spark.pipeline.sources.kinesis.records import SCHEMA

Document = dict[str, Any]


class KinesisStreamReader(DataSourceStreamReader):  # type: ignore[misc]
    """Plans batches on the driver; its copies on the executors read them."""

    def __init__(self, options: KinesisOptions) -> None:
        self._options = options
        self._planner: Planner | None = None
        self._position: Offset | None = None
        """The newest offset that Spark has received or reported."""
        self._answered = False

    def __reduce__(self) -> tuple[type[KinesisStreamReader], tuple[KinesisOptions]]:
        # An executor needs no threads and buffers.
        return KinesisStreamReader, (self._options,)

    def initialOffset(self) -> Document:
        """Return where a new query begins; the same offset at each call."""
        return self._plan().initial().document()

    def latestOffset(self) -> Document:
        """Return the offset that ends the next batch, or the start if there are no new records."""
        planner = self._plan()
        if self._answered:
            assert self._position is not None
            self._position = planner.next_batch(self._position)
        else:
            self._answered = True
            self._position = planner.first_batch(self._position)
        return self._position.document()

    def partitions(self, start: Document, end: Document) -> list[RowsPartition | RangePartition]:
        """Return the tasks of a batch."""
        first, last = Offset.parse(start), Offset.parse(end)
        if start == end:
            self._position = last
            return []
        return make_tasks(self._plan().ranges(first, last), self._options)

    def read(self, partition: RowsPartition | RangePartition) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a task; runs on an executor."""
        yield from partition.read(self._options)

    def commit(self, end: Mapping[str, Any]) -> None:
        """Drop the rows of a finished batch."""
        self._plan().done(Offset.parse(end))

    def stop(self) -> None:
        """End the threads."""
        if self._planner is not None:
            self._planner.stop()

    def _plan(self) -> Planner:
        if self._planner is None:
            self._planner = Planner(self._options)
        return self._planner


class KinesisDataSource(DataSource):  # type: ignore[misc]
    """``spark.readStream.format("kinesis")``; the package's docstring says how to use it."""

    @classmethod
    def name(cls) -> str:
        """Return the name of the format."""
        return "kinesis"

    defaults: Mapping[str, str] = MappingProxyType({})
    """Options for queries that do not set them."""

    def schema(self) -> str:
        """Return the columns. Spark calls this once, when a query is defined.

        So wrong options fail then, and stderr has one warning that names those without a meaning.

        Raises:
            OptionError: an option is missing, excludes another, or has an unusable value.
        """
        self.parsed()
        if warning := ignored(self.options):
            sys.stderr.write(f"warning: {warning}\n")
        return SCHEMA

    def streamReader(self, schema: object) -> KinesisStreamReader:
        """Return the reader of one query."""
        return KinesisStreamReader(self.parsed())

    def parsed(self) -> KinesisOptions:
        """Return the options of the query, with the defaults."""
        given = {name.lower() for name in self.options}
        missing = {n: value for n, value in self.defaults.items() if n.lower() not in given}
        return KinesisOptions.parse({**self.options, **missing})


def register(spark: SparkSession, settings: Settings, **defaults: str) -> bool:
    """Register the format ``kinesis`` if ``AWS_ENDPOINT_URL`` is set; return whether it was.

    On Databricks the variable is not set, and the format is Databricks' own.

    Args:
        spark: the session.
        settings: with the endpoint of AWS.
        defaults: options for queries that do not set them, such as those that Databricks lacks.
    """
    if settings.aws_endpoint_url is None:
        return False
    source = type("KinesisWithDefaults", (KinesisDataSource,), {"defaults": dict(defaults)})
    spark.dataSource.register(source)
    return True

"""The data source that Spark is told of, and what it talks to then: the reader of one query.

Spark 4.1 calls ``latestOffset()`` without the start of the batch: the reader remembers it. After a
restart Spark reports the start by ``partitions(x, x)``, x being the last offset in the checkpoint,
but may call ``latestOffset()`` before that. With Trigger.AvailableNow, which it does not report,
the first answer is all that is read, and it calls again only for the sake of progress reports.

Spark does not keep the initial offset: the start of a first batch that is read again is a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.datasource import DataSource, DataSourceStreamReader

from contract.settings import Settings
from spark.pipeline.sources.kinesis.offsets import Offset
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.partitions import RangePartition, RowsPartition, make_tasks
from spark.pipeline.sources.kinesis.planner import Planner
from spark.pipeline.sources.kinesis.records import SCHEMA

Document = dict[str, Any]


class KinesisStreamReader(DataSourceStreamReader):  # type: ignore[misc]
    """Plans on the driver; its copies on the executors read."""

    def __init__(self, options: KinesisOptions) -> None:
        self._options = options
        self._planner: Planner | None = None
        self._position: Offset | None = None
        """The newest offset that Spark knows of."""
        self._answered = False

    def __reduce__(self) -> tuple[type[KinesisStreamReader], tuple[KinesisOptions]]:
        # An executor has nothing to do with threads and buffers.
        return KinesisStreamReader, (self._options,)

    def initialOffset(self) -> Document:
        """Return where a new query begins: the same answer each time."""
        return self._plan().initial().document()

    def latestOffset(self) -> Document:
        """Return the offset that closes the next batch, or the start if there is nothing new."""
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
        """Forget what is no longer needed."""
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

    def parsed(self) -> KinesisOptions:
        """The options of the query."""
        given = {name.lower() for name in self.options}
        missing = {n: value for n, value in self.defaults.items() if n.lower() not in given}
        return KinesisOptions.parse({**self.options, **missing})


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

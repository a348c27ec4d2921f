"""What Spark talks to: the reader of one query.

Spark 4.1 calls ``latestOffset()`` without the start of the batch: the reader remembers it. After a
restart Spark reports the start by ``partitions(x, x)``, x being the last offset in the checkpoint,
but may call ``latestOffset()`` before that. With Trigger.AvailableNow, which it does not report,
the first answer is all that is read, and it calls again only for the sake of progress reports.

Spark does not keep the initial offset: the start of a first batch that is read again is a new one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql.datasource import DataSourceStreamReader

from spark.pipeline.sources.kinesis.offsets import Offset
from spark.pipeline.sources.kinesis.options import Options
from spark.pipeline.sources.kinesis.partitions import RangePartition, RowsPartition, pack
from spark.pipeline.sources.kinesis.planner import Planner

Document = dict[str, Any]


class KinesisStreamReader(DataSourceStreamReader):  # type: ignore[misc]
    """Plans on the driver; its copies on the executors read."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._planner: Planner | None = None
        self._position: Offset | None = None
        """The newest offset that Spark knows of."""
        self._asked = False

    def __getstate__(self) -> Options:
        return self._options  # an executor has nothing to do with threads and buffers

    def __setstate__(self, options: Options) -> None:
        KinesisStreamReader.__init__(self, options)

    def initialOffset(self) -> Document:
        """Return where a new query begins: the same answer each time."""
        return self._plan().initial().document()

    def latestOffset(self) -> Document:
        """Return the offset that closes the next batch, or the start if there is nothing new."""
        planner = self._plan()
        if self._asked:
            assert self._position is not None
            self._position = planner.next(self._position)
        else:
            self._asked = True
            self._position = planner.everything(self._position)
        return self._position.document()

    def partitions(self, start: Document, end: Document) -> list[RowsPartition | RangePartition]:
        """Return the tasks of a batch."""
        first, last = Offset.parse(start), Offset.parse(end)
        if start == end:
            self._position = last
            return []
        return pack(self._plan().ranges(first, last), self._options)

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

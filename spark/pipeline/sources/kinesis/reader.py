"""What Spark talks to: the reader of one query.

What Spark calls and in which order isn't the same in its versions:

* 4.0 and 4.1 call ``latestOffset()`` without the start of the batch: the reader remembers it. After
  a restart they tell it by ``partitions(x, x)``, x being the last offset in the checkpoint. With
  Trigger.AvailableNow, of which they say nothing, the first answer is all that is read, and they
  ask again only for the sake of progress reports. Some ask that first time before they have told.
* 4.2 calls ``latestOffset(start, limit)``, ``initialOffset()`` more than once, and
  ``prepareForTriggerAvailableNow()`` before all.

No version keeps the initial offset: the start of a first batch that is read again is a new one.
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

try:
    from pyspark.sql.streaming.datasource import SupportsTriggerAvailableNow as AvailableNow
except ImportError:  # before 4.2

    class AvailableNow:  # type: ignore[no-redef]
        """Nothing that these versions look for."""


Document = dict[str, Any]


class KinesisStreamReader(DataSourceStreamReader, AvailableNow):  # type: ignore[misc]
    """Plans on the driver; its copies on the executors read."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._planner: Planner | None = None
        self._position: Offset | None = None
        """The newest offset that Spark knows of, for versions that don't say it."""
        self._asked = False

    def __getstate__(self) -> Options:
        return self._options  # an executor has nothing to do with threads and buffers

    def __setstate__(self, options: Options) -> None:
        KinesisStreamReader.__init__(self, options)

    def initialOffset(self) -> Document:
        """Return where a new query begins: the same answer each time."""
        return self._plan().initial().document()

    def latestOffset(self, start: Document | None = None, limit: object = None) -> Document:
        """Return the offset that closes the next batch, or the start if there is nothing new."""
        planner = self._plan()
        if start is not None:
            return planner.next(Offset.parse(start)).document()
        if self._asked:
            assert self._position is not None
            self._position = planner.next(self._position)
        else:
            self._asked = True
            self._position = planner.everything(self._position)
        return self._position.document()

    def prepareForTriggerAvailableNow(self) -> None:
        """Stop at what is there now."""
        self._plan().stop_at_now()

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

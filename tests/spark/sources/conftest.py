"""One Kinesis engine for all tests of the source, and the reader of a query without Spark."""

import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from contract.settings import Settings
from spark.pipeline.sources.kinesis.offsets import Offset
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.source import Document, KinesisStreamReader
from tests.support.engine import Engine, FaultProxy, Stream
from tests.support.waiting import wait_for

Row = dict[str, Any]
Batch = tuple[Document, Document, list[Row]]
"""Where a batch starts and ends, and its rows."""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with Engine() as started:
        yield started


@pytest.fixture
def proxy(engine: Engine) -> Iterator[FaultProxy]:
    """A proxy to the engine for one test."""
    with FaultProxy(engine) as opened:
        yield opened


class Query:
    """A reader and its planner; tasks are pickled, and offsets pass through JSON."""

    def __init__(self, options: KinesisOptions) -> None:
        self.reader = KinesisStreamReader(options)
        self.batches: list[Batch] = []

    def start(self) -> Document:
        """Return where the query begins."""
        return stored(self.reader.initialOffset())

    def rows(self, start: Document, end: Document) -> list[Row]:
        """Return the rows of a batch, read as in an executor."""
        found: list[Row] = []
        for partition in self.reader.partitions(start, end):
            executor = pickle.loads(pickle.dumps(self.reader))
            for batch in executor.read(pickle.loads(pickle.dumps(partition))):
                found += batch.to_pylist()
        return found

    def batch(self, start: Document) -> Document:
        """Read the next batch, if there is one; return where it ends."""
        end = stored(self.reader._plan().next_batch(Offset.parse(start)).document())
        if end != start:
            self.batches.append((start, end, self.rows(start, end)))
            self.reader.commit(end)
        return end

    def read(self, start: Document, count: int, seconds: float = 30) -> Document:
        """Read batches until they have ``count`` more rows; return where the last one ends."""
        position = start
        wanted = len(self.found) + count

        def complete() -> bool:
            nonlocal position
            position = self.batch(position)
            return len(self.found) >= wanted

        wait_for(f"{count} rows", complete, seconds)
        assert len(self.found) == wanted
        return position

    @property
    def found(self) -> list[Row]:
        """Return the rows of all batches."""
        return [row for _, _, rows in self.batches for row in rows]


def stored(document: Document) -> Document:
    """Return an offset as it is after a checkpoint."""
    back: Document = json.loads(json.dumps(document))
    return back


def texts(rows: list[Row]) -> list[str]:
    """Return the data of the rows as text."""
    return [row["data"].decode() for row in rows]


QueryOf = Callable[..., Query]


@pytest.fixture
def query() -> Iterator[QueryOf]:
    """Makes queries on streams; by default from their beginning."""
    made: list[Query] = []

    def make(*streams: Stream, **options: str) -> Query:
        given = {
            "streamName": ",".join(stream.name for stream in streams),
            "endpoint": streams[0].client.meta.endpoint_url,
            "awsAccessKey": "test",
            "awsSecretKey": "test",
            "initialPosition": "trim_horizon",
            "minFetchPeriod": "20ms",
            "shardFetchInterval": "100ms",
            **options,
        }
        made.append(Query(KinesisOptions.parse(given, Settings.from_environ({}))))
        return made[-1]

    yield make
    for one in made:
        one.reader.stop()

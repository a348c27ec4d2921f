"""Frames in the form of the Kinesis source, and the tables of the streaming pipeline."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contract import names
from contract.entities import Entity
from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import Table
from spark.pipeline.sources.kinesis.records import SCHEMA
from spark.pipeline.streaming.live_table import LiveTable
from spark.pipeline.streaming.sink import Sink, StreamLocation, prepared
from tests.support.lake import ID, by_key, rows
from tests.support.waiting import wait_for

START = datetime(2026, 11, 25, 12)
SHARD = "shardId-000000000000"

Record = tuple[str, bytes, str, str, str, datetime]
"""A row of the source."""


@dataclass
class Stream:
    """A stream of one shard, which gives records their positions in order of arrival."""

    entity: Entity
    next: int = 98

    def put(self, *data: str | bytes, at: float = 0) -> list[Record]:
        """Return records that arrive ``at`` seconds after ``START``."""
        found = []
        for item in data:
            self.next += 1
            body = item if isinstance(item, bytes) else item.encode()
            arrived = START + timedelta(seconds=at)
            name = names.stream(ID, self.entity)
            found.append(("k", body, name, SHARD, str(self.next), arrived))
        return found


class Feed(Sink):
    """A sink that takes rows of the source."""

    def __call__(self, rows: DataFrame, batch_id: int) -> None:
        """Write a batch."""
        super().__call__(prepared(rows, self._location.entity), batch_id)


@dataclass
class Tables:
    """The tables of the streaming pipeline in a folder."""

    spark: SparkSession
    root: Path
    clock: list[int] = field(default_factory=lambda: [0])

    @property
    def live_metrics(self) -> Table:
        """The table of the live metrics."""
        return Table(f"{self.root}/{names.live_table(ID)}")

    def location(self, entity: Entity) -> StreamLocation:
        """Where an entity's rows are written."""
        return StreamLocation.of(entity, ID, str(self.root))

    def sink(
        self, entity: Entity, check_lock: LockCheck = lambda: None, live: LiveTable | None = None
    ) -> Feed:
        """Make a sink, as a start of the job does; by default with the shared live table.

        In a job, a kill ends the live table's thread, too; here a second one would write as well.
        """
        writer = live or self.live_table
        return Feed(self.spark, self.location(entity), writer, check_lock, lambda: self.clock[0])

    @cached_property
    def live_table(self) -> LiveTable:
        """The live table that the sinks share."""
        return self.new_live_table()

    def new_live_table(self, check_lock: LockCheck = lambda: None) -> LiveTable:
        """Make a live table, as a start of the job does; its Delta table exists then."""
        made = LiveTable(self.spark, self.live_metrics, check_lock)
        made.flush()
        return made

    def frame(self, records: Iterable[Record]) -> DataFrame:
        """Make a batch of the source."""
        return self.spark.createDataFrame(list(records), SCHEMA)

    def cleaned(self, entity: Entity) -> dict[int, dict[str, Any]]:
        """Rows of a cleaned table by key; a repeated key is an error."""
        return by_key(rows(self.location(entity).table.read(self.spark)))

    def quarantine(self, entity: Entity) -> list[dict[str, Any]]:
        """Rows of a quarantine table."""
        return rows(self.location(entity).quarantine.read(self.spark))

    def live(self, entity: Entity) -> dict[tuple[str, str, str | None], tuple[int, int]]:
        """Value and rank of each live metric, by metric, window and label."""
        of_stream = F.col("stream") == names.stream(ID, entity)
        found = self.live_metrics.read(self.spark).where(of_stream).collect()
        return {(r["metric"], r["window"], r["label"]): (r["value"], r["rank"]) for r in found}

    def versions(self) -> dict[str, int]:
        """Return the number of commits of each table except the live metrics."""
        logs = self.root.glob("*/_delta_log")
        return {
            log.parent.name: len([*log.glob("*.json")])
            for log in logs
            if log.parent.name != names.live_table(ID)
        }


def seconds(after: float) -> int:
    """Return the milliseconds since 1970 of a time after ``START``."""
    return round(((START - datetime(1970, 1, 1)) + timedelta(seconds=after)).total_seconds() * 1000)


@contextmanager
def once(fact: Callable[[], object], act: Callable[[], None], limit: float = 200) -> Iterator[None]:
    """Call ``act`` in a thread when ``fact`` is true, or after ``limit`` seconds."""

    def wait() -> None:
        try:
            with suppress(AssertionError):
                wait_for("the moment to act", fact, limit)
        finally:
            act()

    watcher = threading.Thread(target=wait)
    watcher.start()
    yield
    watcher.join()

"""A folder of objects in the form of the S3 sink, and the batch job over it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from contract import names
from contract.entities import ENTITIES, Entity
from spark.jobs import run_batch
from spark.pipeline.batch.ingest import BatchLocation, Counts, ingest
from tests.support.data import write_objects

ID = "0a1b2c3d4e5f"


@dataclass
class Lake:
    """A folder of objects and the tables made from it."""

    spark: SparkSession
    folder: Path
    capture: pytest.CaptureFixture[str]

    def put(self, entity: Entity, start: int, *records: str, per_object: int = 1000) -> None:
        """Store records as the sink does."""
        topics = self.folder / names.TOPICS_DIR
        write_objects(topics, names.topic(ID, entity), records, per_object, start)

    @property
    def topics(self) -> str:
        """Folder of the objects."""
        return str(self.folder / names.TOPICS_DIR)

    @property
    def root(self) -> str:
        """Folder of the tables."""
        return f"{self.folder}/delta/batch"

    def ingest(self) -> dict[str, Counts]:
        """Run the first half of the job."""
        locations = [BatchLocation.of(entity, ID, self.topics, self.root) for entity in ENTITIES]
        return {c.entity: c for c in ingest(self.spark, locations, check_lock=lambda: None)}

    def run(self) -> dict[str, Any]:
        """Run the whole job; return its counts."""
        assert run_batch.main(["--objects", self.topics, "--json"]) == 0
        counts: dict[str, Any] = json.loads(self.capture.readouterr().out)
        return counts

    def table(self, name: str) -> list[dict[str, Any]]:
        """Rows of a table."""
        return rows(self.spark.read.format("delta").load(f"{self.root}/{name}"))

    def cleaned(self, entity: Entity) -> dict[int, dict[str, Any]]:
        """Rows of a cleaned table by key; a repeated key is an error."""
        return by_key(self.table(names.table(ID, entity)))

    def quarantine(self, entity: Entity) -> list[dict[str, Any]]:
        """Rows of a quarantine table."""
        return self.table(names.quarantine_table(ID, entity))


def by_key(found: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Rows of a cleaned table by key; a repeated key is an error."""
    assert len({row["ind"] for row in found}) == len(found)
    return {row["ind"]: row for row in found}


def rows(frame: DataFrame) -> list[dict[str, Any]]:
    """Rows of a frame as dictionaries."""
    return [row.asDict(recursive=True) for row in frame.collect()]

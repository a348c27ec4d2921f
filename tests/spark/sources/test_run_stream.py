"""The streaming job as a process, from Kinesis to its tables."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from tests.support.engine import ROOT, Engine, Stream
from tests.support.lake import ID
from tests.support.stream import Tables, once

pytestmark = pytest.mark.slow


@dataclass
class Job:
    """Starts the job as a process; reads its tables."""

    tables: Tables
    environment: dict[str, str]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it."""
        return subprocess.Popen(
            [ROOT / "spark/run.sh", "spark.jobs.run_stream", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run it to its end; return exit code, stdout and stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=200)
        return process.returncode, out, err


@pytest.fixture
def job(spark: SparkSession, engine: Engine, tmp_path: Path) -> Job:
    python = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {
        "PATH": python,
        "RUN_DIR": str(tmp_path / "run"),
        "DELTA_ROOT": f"{tmp_path}/a lake",
        "AWS_ENDPOINT_URL": engine.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    return Job(Tables(spark, tmp_path / "a lake/streaming"), environment)


@pytest.fixture
def streams(engine: Engine) -> Iterator[dict[Entity, Stream]]:
    """The streams of the three entities, of two shards each."""
    made = {entity: Stream(engine.client, names.stream(ID, entity)) for entity in ENTITIES}
    for stream in made.values():
        stream.create(2)
    yield made
    for stream in made.values():
        stream.delete()


def put(stream: Stream, *records: tuple[int, str]) -> None:
    """Send records with their keys, as the emulator does."""
    for key, text in records:
        stream.client.put_record(StreamName=stream.name, Data=text.encode(), PartitionKey=str(key))


def test_a_second_run_continues_after_the_first_until_a_signal(
    job: Job, streams: dict[Entity, Stream]
) -> None:
    for entity, stream in streams.items():
        put(stream, (1, f'{{"{entity.key}":1}}'), (2, f'{{"{entity.key}":2}}'), (3, "junk"))
    code, out, err = job.run("--once")
    assert code == 0, err
    assert json.loads(out) == {"batches": {"pin": 1, "geo": 1, "user": 1}}, err
    tables = job.tables
    for entity in ENTITIES:
        assert set(tables.cleaned(entity)) == {1, 2}
        (bad,) = tables.quarantine(entity)
        assert (bad["raw"], bad["stream"]) == ("junk", names.stream(ID, entity))
        assert [(bad["shard"], bad["sequence_number"])] == [
            (shard, record["SequenceNumber"])
            for shard, record in streams[entity].records()
            if record["Data"] == b"junk"
        ]
        assert ("posts", "hour", names.stream(ID, entity)) in tables.live(entity)

    put(streams[USER], (3, '{"ind":3}'))
    process = job.start("--interval", "0.2")
    with once(lambda: process.poll() is not None or 3 in tables.cleaned(USER), process.terminate):
        out, err = process.communicate(timeout=250)
    assert process.returncode == 0, err
    assert json.loads(out)["batches"] == {"pin": 0, "geo": 0, "user": 1}
    assert [len(tables.cleaned(entity)) for entity in (PIN, GEO, USER)] == [2, 2, 3]


def test_missing_streams_are_reported_in_one_line(job: Job) -> None:
    """The job ends after the restarts of a query, here none."""
    code, out, err = job.run("--once", "--restarts", "0")
    assert (code, out) == (1, "")
    # Python workers of the ended queries may write further lines.
    (line,) = (line for line in err.splitlines() if line.startswith("run_stream: "))
    assert line.startswith("run_stream: streaming-0a1b2c3d4e5f-")
    assert "under account 000000000000 not found" in line

"""The batch job compared with DuckDB, on the same objects and the same nine questions.

The job starts a JVM, cleans, merges into Delta tables and writes the results as tables; DuckDB, in
this process, reads the JSON with its schema given, takes the newest row per key, cleans and answers
from memory. The output includes the job's time without new objects, which is the start of Spark and
the check of the tables. The bench asserts no speed, only that both have all keys and the same
results. The larger size takes 2 GB of disk while it runs.
"""

import contextlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psutil
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from contract import names
from contract.entities import ENTITIES, Entity, Kind
from contract.results import RESULTS
from contract.settings import Settings
from emulator.dataset.generate import blocks
from emulator.dataset.profile import BLOCK
from tests.support import ROOT
from tests.support.data import write_block
from tests.support.options import settings
from tests.support.oracle import Oracle
from tests.support.processor import processor_seconds
from tests.support.program import spark_environment

TYPES = {
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "double",
    Kind.TEXT: "varchar",
    Kind.TIMESTAMP: "timestamp",
}
USER_ID = Settings.from_environ({}).user_id


@dataclass(frozen=True, slots=True)
class Size:
    """The size of the input."""

    blocks: int
    """Blocks of 11,154 posts."""
    per_object: int
    settings: str = ""
    """A file of spark/conf with settings of the job in addition to the defaults."""

    def options(self) -> str:
        """Return the options of Spark for these settings."""
        if not self.settings:
            return ""
        pairs = settings(self.settings).items()
        return shlex.join(word for pair in pairs for word in ("--conf", "=".join(pair)))


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one measurement."""

    seconds: float
    processor: float
    """Seconds of processor time, which are comparable on a busy machine as well."""


SIZES = (Size(1, 1_000), Size(100, 10_000, settings="large.conf"))
LIMIT = 540.0
"""Seconds that a job may take."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is removed after the test, because pytest would keep it for three sessions."""
    made = tmp_path / "lake"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def job(folder: Path, size: Size) -> tuple[Cost, dict[str, Any]]:
    """Run the batch job; return its cost and its counts.

    No process waits for the JVM and collects its processor time, so it is the last sample of the
    job's process and its children.
    """
    delta = str(folder / "delta")
    variables = spark_environment(folder, DELTA_ROOT=delta, SPARK_OPTIONS=size.options())
    command = [ROOT / "spark/run.sh", "spark.jobs.run_batch", "--json", "--objects"]
    out, err = folder / "stdout", folder / "stderr"
    began, processor = time.perf_counter(), 0.0
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            [*command, folder / names.TOPICS_DIR],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        while process.poll() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                processor = max(processor, processor_seconds(process.pid))
            assert time.perf_counter() < began + LIMIT
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    assert process.returncode == 0, err.read_text()
    return Cost(time.perf_counter() - began, processor), json.loads(out.read_text())


def in_duckdb(folder: Path) -> tuple[Cost, list[int], dict[str, set[tuple[Any, ...]]]]:
    """Clean and answer in DuckDB; return the cost, the rows of each table, and the results."""
    began, before = time.perf_counter(), time.process_time()
    with duckdb.connect() as connection:
        frames = [read(connection, folder, entity) for entity in ENTITIES]
    oracle = Oracle(*frames)
    answers = {result.name: oracle.result(result.name) for result in RESULTS}
    cost = Cost(time.perf_counter() - began, time.process_time() - before)
    return cost, [len(frame) for frame in frames], answers


def read(connection: duckdb.DuckDBPyConnection, folder: Path, entity: Entity) -> pa.Table:
    """Read an entity's objects; return the newest row per key."""
    objects = folder / names.topic_prefix(names.topic(USER_ID, entity)) / "partition=0/*.json"
    columns = {column.name: TYPES[column.kind] for column in entity.columns}
    return connection.sql(
        f"""select * exclude (filename) from read_json(
            '{objects}', format = 'newline_delimited', columns = {columns}, filename = true)
        qualify row_number() over (partition by "{entity.key}" order by filename desc) = 1"""
    ).to_arrow_table()


def table_rows(folder: Path, name: str) -> set[tuple[Any, ...]]:
    """Return the rows of a small table that the job has written."""
    table = DeltaTable(f"{folder}/delta/batch/{name}").to_pyarrow_table()
    return {tuple(row.values()) for row in table.to_pylist()}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size.blocks * BLOCK} posts")
def test_batch_against_duckdb(folder: Path, size: Size, say: Callable[..., None]) -> None:
    posts = size.blocks * BLOCK
    for number, block in enumerate(blocks(size.blocks)):
        topics = folder / names.TOPICS_DIR
        write_block(topics, USER_ID, block, size.per_object, number * BLOCK)
    costs = {}
    costs["batch job"], counts = job(folder, size)
    assert [c["table_rows"] for c in counts["entities"].values()] == [posts] * len(ENTITIES)
    costs["nothing new"], counts = job(folder, size)
    assert [c["records"] for c in counts["entities"].values()] == [0] * len(ENTITIES)
    costs["DuckDB"], rows, answers = in_duckdb(folder)
    assert rows == [posts] * len(ENTITIES)
    for name, answer in answers.items():
        assert table_rows(folder, names.result_table(USER_ID, name)) == answer, f"result {name}"
    plain = costs["DuckDB"]
    lines = [
        f"  {program:12} {cost.seconds:7.1f} s {cost.seconds / plain.seconds:6.1f} x,"
        f" processor {cost.processor:7.1f} s {cost.processor / plain.processor:6.1f} x,"
        f" {3 * posts / cost.seconds:9,.0f} records/s"
        for program, cost in costs.items()
    ]
    say(f"batch, {posts:,} posts", *lines)

"""Kills of tasks, kernels, a cluster's JVM and the service next to a stream that merges rows.

The stream reads files of numbers. Each of its batches is a MERGE of values that a UDF computes.
Whatever is killed, its table has each number once and with the right value in the end, runs and
clusters have the right states, and no process is left.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from services.databricks.engine import process
from tests.contracts.databricks.test_gateway import Gateway
from tests.support.databricks import JobsApi, lives, notebook, python, results
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.long, pytest.mark.once, pytest.mark.timeout(900)]

LIMIT = 180
"""Seconds for a start of Spark, or a batch, on a busy machine."""
CLUSTER = "1108-162752-8okw8dgg"
BY_HAND: dict[str, Any] = {"existing_cluster_id": CLUSTER}

STREAM = """# Databricks notebook source
folder, table = dbutils.widgets.get("folder"), dbutils.widgets.get("table")
from delta.tables import DeltaTable
spark.sql(f"CREATE TABLE IF NOT EXISTS delta.`{table}` (n long, twice long) USING delta")
twice = spark.udf.register("twice", lambda value: 2 * value, "long")
# COMMAND ----------
def merge(batch, number):
    target = DeltaTable.forPath(batch.sparkSession, table).alias("old")
    rows = batch.selectExpr("n", "twice(n) AS twice").alias("new")
    found = target.merge(rows, "old.n = new.n").whenMatchedUpdateAll()
    found.whenNotMatchedInsertAll().execute()
# COMMAND ----------
read = spark.readStream.schema("n long").option("maxFilesPerTrigger", 1).json(folder)
query = read.writeStream.foreachBatch(merge).option("checkpointLocation", table + "_checkpoint")
query.trigger(processingTime="100 milliseconds").start().awaitTermination()
"""
CELLS = """# Databricks notebook source
print("first")
# COMMAND ----------
import time
spark.range(1).rdd.map(lambda _: time.sleep(600)).collect()
# COMMAND ----------
print("never")
"""
"""A notebook whose second cell does not end."""
CHAIN = "import sys; from pyspark.sql import SparkSession; n = int(sys.argv[1])\n" + (
    "spark = SparkSession.builder.getOrCreate()\n"
    "assert spark.range(n).count() == n; print('counted', flush=True)\n"
    "import pathlib, time\n"
    "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.05)\n"
)
"""A task that counts, then waits for a file."""


class Numbers:
    """The neighbour: files of numbers, the stream that merges them, and its table."""

    def __init__(self, api: JobsApi, folder: Path) -> None:
        self.api, self._files, self.table = api, folder / "files", folder / "table"
        self._files.mkdir()
        self.sent = 0
        (api.workspace / "stream.py").write_text(STREAM)
        (api.workspace / "cells.py").write_text(CELLS)
        (api.workspace / "chain.py").write_text(CHAIN)

    def send(self, count: int = 50) -> None:
        """Add a file of numbers."""
        lines = (json.dumps({"n": n}) for n in range(self.sent, self.sent + count))
        new = self._files / f".{self.sent}"
        new.write_text("\n".join(lines))
        new.rename(self._files / f"{self.sent}.json")
        self.sent += count

    def state(self) -> str:
        """Number of rows, and the newest run's state and error, for the message of a wait."""
        run = self.api.jobs.get_run(next(self.api.jobs.list_runs()).run_id)
        return f"{len(self.rows())} of {self.sent}, {run.state}"

    def start(self, retries: int = 0) -> int:
        """Submit the stream; return its run once the numbers that were sent have arrived."""
        parameters = {"folder": self._files.as_uri(), "table": f"file:{self.table}"}
        more: dict[str, Any] = BY_HAND | {"max_retries": retries, "min_retry_interval_millis": 0}
        run_id = self.api.submit(notebook("stream", "/stream", parameters, **more))
        self.arrive()
        return run_id

    def end(self, run_id: int) -> None:
        """Cancel a run of the stream, and wait until it has ended."""
        self.api.jobs.cancel_run(run_id)
        self.api.ended(run_id, LIMIT)

    def rows(self) -> list[tuple[int, int]]:
        """The rows of the table."""
        try:
            rows = DeltaTable(str(self.table)).to_pyarrow_table().to_pylist()
        except TableNotFoundError:
            return []
        return [(row["n"], row["twice"]) for row in rows]

    def arrive(self) -> None:
        """Send more numbers, and wait until all have arrived, each once and with its value."""
        self.send()
        right = [(n, 2 * n) for n in range(self.sent)]
        wait_for("all numbers", lambda: len(self.rows()) >= self.sent, LIMIT, 0.2, self.state)
        assert sorted(self.rows()) == right


@pytest.fixture
def numbers(tmp_path: Path) -> Iterator[Numbers]:
    """A service and its cluster, which a stream uses."""
    with JobsApi(tmp_path, CLUSTER_IDLE_SECONDS="120", DATABRICKS_SLOTS="3") as api:
        yield Numbers(api, tmp_path)


def kill(folder: Path) -> list[int]:
    """Send SIGKILL to the processes of a task, a kernel or a cluster; return them."""
    found = process.of(folder)
    assert found
    for one in found:
        one.kill()
    return [one.pid for one in found]


def gone(pids: list[int]) -> bool:
    """Whether no process of these is left."""
    return not any(lives(pid) for pid in pids)


def works(api: JobsApi, run_id: int, text: str, key: str) -> Callable[[], bool]:
    """A question: has a task of a run printed a text in its newest attempt?"""

    def has_printed() -> bool:
        tasks = [task for task in api.jobs.get_run(run_id).tasks if task.task_key == key]
        folder = api.attempt(tasks[-1].run_id)
        files = [folder / "log", folder / "notebook.ipynb"]
        return any(text in file.read_text() for file in files if file.exists())

    return has_printed


def jvm(api: JobsApi) -> int:
    """Process id of the only cluster."""
    (found,) = [one for one in process.of(api.data / "clusters") if "java" in one.name()]
    return int(found.pid)


def failure(api: JobsApi, run_id: int, key: str) -> str:
    """The error of a task of a run, which has failed."""
    run = api.ended(run_id, LIMIT)
    assert results(run)[key] == "FAILED"
    return api.output(run, key).error or ""


def test_a_neighbours_merges_go_on_when_tasks_are_killed(numbers: Numbers, tmp_path: Path) -> None:
    api = numbers.api
    stream = numbers.start()
    before = jvm(api)

    cells = api.submit(notebook("cells", "/cells", **BY_HAND))
    wait_for("the second cell", works(api, cells, "first", "cells"), LIMIT)
    numbers.send()
    (task,) = api.jobs.get_run(cells).tasks
    killed = kill(api.attempt(task.run_id))
    assert "SIGKILL" in failure(api, cells, "cells")
    assert gone(killed)
    numbers.arrive()

    other = tmp_path / "other"
    other.mkdir()
    second = Numbers(api, other)
    run_id = second.start(retries=1)
    (task,) = api.jobs.get_run(run_id).tasks
    second.send()
    kill(api.attempt(task.run_id))
    second.arrive()  # the retry goes on from the checkpoint
    attempts = [task.run_id for task in api.jobs.get_run(run_id).tasks]
    assert len(attempts) == 2
    second.end(run_id)
    numbers.arrive()

    assert jvm(api) == before
    assert results(api.jobs.get_run(stream)) == {}
    numbers.end(stream)
    assert process.of(api.data / "tasks") == []


def test_a_job_in_the_middle_survives_the_death_of_its_cluster(
    numbers: Numbers, tmp_path: Path
) -> None:
    api, go = numbers.api, tmp_path / "go"
    stream = numbers.start(retries=1)
    once: dict[str, Any] = BY_HAND | {"max_retries": 1, "min_retry_interval_millis": 0}
    chain = api.submit(
        python("a", "chain.py", "3", os.devnull, **once),
        python("b", "chain.py", "5", str(go), after=("a",), **once),
        python("c", "chain.py", "7", os.devnull, after=("b",), **once),
    )
    wait_for("the second task", works(api, chain, "counted", "b"), LIMIT)
    numbers.send()
    before = jvm(api)
    os.kill(before, signal.SIGKILL)
    numbers.arrive()
    go.touch()
    run = api.ended(chain, LIMIT)
    assert results(run) == {"a": "SUCCESS", "b": "SUCCESS", "c": "SUCCESS"}
    attempts = {key: [t for t in run.tasks if t.task_key == key] for key in "abc"}
    assert [len(attempts[key]) for key in "abc"] == [1, 2, 1]
    lost = api.jobs.get_run_output(attempts["b"][0].run_id).error
    assert "SIGKILL" in lost, lost
    assert jvm(api) != before
    numbers.end(stream)
    assert process.of(api.data / "tasks") == []


def test_after_a_kill_of_the_service_nothing_runs_and_the_stream_goes_on(
    numbers: Numbers, tmp_path: Path
) -> None:
    api = numbers.api
    stream = numbers.start()
    chain = api.submit(
        python("a", "chain.py", "3", str(tmp_path / "never"), **BY_HAND),
        python("b", "chain.py", "5", os.devnull, after=("a",), **BY_HAND),
    )
    wait_for("the first task", works(api, chain, "counted", "a"), LIMIT)
    numbers.send()
    pids = [one.pid for one in process.of(api.data)]
    assert len(pids) >= 3  # two tasks and a JVM
    api.kill()
    wait_for("tasks and JVM to end without the service", lambda: gone(pids), LIMIT)
    numbers.send()
    api.start()
    for run_id in (stream, chain):
        run: Any = api.ended(run_id, LIMIT)
        assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
        assert "was stopped while the run was active" in run.state.state_message
    assert [one.state.value for one in api.client.clusters.list()] == ["TERMINATED"]
    again = numbers.start()
    assert api.jobs.get_run(again).state.life_cycle_state.value == "RUNNING"
    numbers.end(again)
    assert process.of(api.data / "tasks") == []


def test_a_client_that_only_listens_keeps_its_kernel(numbers: Numbers) -> None:
    """A cell that runs longer than several pings of the gateway, which has no other message."""
    gateway = Gateway(numbers.api)
    kernel = gateway.start()
    assert kernel.run("import time; time.sleep(100); print('done')") == "done\n"
    kernel.close()

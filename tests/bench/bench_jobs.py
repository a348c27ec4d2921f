"""Tasks of the local Databricks service on a running cluster, compared with other ways to run them.

The same jobs on the same objects, in turns within one run. The benches assert no speed, only that
each task did its work.
"""

import json
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest
from databricks.sdk.service import jobs

from contract import names
from contract.entities import ENTITIES
from contract.settings import Settings
from emulator.dataset.generate import Block, blocks
from tests.support import ROOT
from tests.support.data import lines, write_objects
from tests.support.databricks import JobsApi, notebook

POSTS = 500
ROUNDS = 3
HERE = "/Shared/pinterest-data-pipeline"
NOTEBOOKS = (50, 100)
"""Numbers of notebooks after which the memory of the cluster is taken."""
CELLS = """# Databricks notebook source
numbers = spark.range(100)
# COMMAND ----------
display(numbers.limit(3))
# COMMAND ----------
dbutils.notebook.exit(str(numbers.groupBy().sum("id").first()[0]))
"""
LIMIT = 180.0
"""Seconds that a job may take on a busy machine."""


class Lake:
    """Objects, their tables, and the Jobs API that runs jobs over them."""

    def __init__(self, folder: Path, block: Block, idle: int) -> None:
        user_id = Settings.from_environ({}).user_id
        self._objects = folder / names.TOPICS_DIR
        for entity in ENTITIES:
            records = islice(lines(entity, block.rows(entity)), POSTS)
            write_objects(self._objects, names.topic(user_id, entity), records, 50)
        self.api = JobsApi(
            folder,
            DATABRICKS_WORKSPACE=f"{HERE}={ROOT}",
            CLUSTER_IDLE_SECONDS=str(idle),
            DELTA_ROOT=f"file:{folder}/delta",
            # Nothing listens there: these jobs read and write files.
            AWS_ENDPOINT_URL="http://127.0.0.1:9",
            AWS_ACCESS_KEY_ID="none",
            AWS_SECRET_ACCESS_KEY="none",
        )

    def seconds(self, job: str, *arguments: str) -> tuple[float, Any]:
        """Run a job; return its seconds, and its JSON output."""
        given = [f"--objects={self._objects.as_uri()}", "--json", *arguments]
        file = f"{HERE}/spark/jobs/{job}.py"
        began = time.perf_counter()
        run_id = self.api.submit(
            jobs.SubmitTask("job", spark_python_task=jobs.SparkPythonTask(file, given))
        )
        run = self.api.ended(run_id, LIMIT)
        seconds = time.perf_counter() - began
        output = self.api.output(run, "job")
        assert output.error is None, output.error
        printed = (output.logs or "").splitlines()
        return seconds, json.loads(next(line for line in printed if line.startswith("{")))


@pytest.mark.timeout(1200)
def test_a_running_cluster_against_one_that_starts(
    tmp_path: Path, say: Callable[..., None]
) -> None:
    block = next(blocks())
    times: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as started:
        lakes = {}
        for name, idle in (("new", 0), ("running", 600)):
            (tmp_path / name).mkdir()
            lakes[name] = Lake(tmp_path / name, block, idle)
            started.enter_context(lakes[name].api)
            _, output = lakes[name].seconds("run_batch")
            assert {e["good"] for e in output["entities"].values()} == {POSTS}
        for _ in range(ROUNDS):
            for name, lake in lakes.items():
                seconds, output = lake.seconds("run_batch")
                assert {e["records"] for e in output["entities"].values()} == {0}
                times.setdefault((name, "a batch with nothing new"), []).append(seconds)
                seconds, output = lake.seconds("check_quality")
                assert output["ok"]
                times.setdefault((name, f"the gate over {POSTS} posts"), []).append(seconds)
    lines = []
    for job in dict.fromkeys(job for _, job in times):
        new, running = (statistics.median(times[name, job]) for name in lakes)
        lines.append(
            f"  {job:26} {new:5.1f} with the start of a cluster, {running:5.1f} on a running one,"
            f" ratio {running / new:.2f}"
        )
    say(f"Jobs, seconds from submit to end, median of {ROUNDS}:", *lines)


@pytest.mark.timeout(1200)
def test_notebooks_on_a_running_cluster(tmp_path: Path, say: Callable[..., None]) -> None:
    with JobsApi(tmp_path, CLUSTER_IDLE_SECONDS="600", DATABRICKS_SLOTS="2") as api:
        (api.workspace / "cells.py").write_text(CELLS)

        def run(notebooks: int) -> float:
            """Seconds from the request for a notebook to its end, of ``notebooks`` at a time."""
            began = time.perf_counter()
            ids = [
                api.submit(notebook("book", "/cells", existing_cluster_id="local"))
                for _ in range(notebooks)
            ]
            for run_id in ids:
                ended = api.ended(run_id, LIMIT)
                assert api.output(ended, "book").notebook_output.result == "4950"
            return time.perf_counter() - began

        first = run(1)
        children = psutil.Process(api.process.pid).children()
        (cluster,) = [child for child in children if child.name() == "java"]
        turns = [(run(1), run(2)) for _ in range(ROUNDS * 3)]
        one, two = (statistics.median(times) for times in zip(*turns, strict=True))
        say(
            "A notebook of three cells, seconds from request to end:",
            f"  {first:.1f} with the start of the cluster; on the running one {one:.2f}, "
            f"two at a time {two:.2f}, ratio {two / one:.2f}",
        )
        ran = 1 + len(turns) * 3
        for count in NOTEBOOKS:
            while ran < count:
                run(2)
                ran += 2
            mebibytes = cluster.memory_info().rss >> 20
            say(f"  {mebibytes} MiB in the cluster's JVM after {ran} notebooks")

"""The project's notebooks and its quality gate, run by the local workspace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES, GEO
from contract.results import RESULTS
from contract.settings import Settings
from emulator.dataset.generate import Block, blocks
from tests.support import ROOT, databricks
from tests.support.data import arrow, lines, write_objects
from tests.support.databricks import JobsApi, notebook, python, results
from tests.support.engine import Engine, Stream
from tests.support.oracle import Oracle

POSTS = 150
ID = Settings.from_environ({}).user_id
HERE = "/Shared/pinterest-data-pipeline"
OLDER = "1108-162752-8okw8dgg"
"""A cluster whose runtime is not in ANSI mode: jobs and notebooks set it themselves."""
LIMIT = 400
"""Seconds for five tasks that start a JVM each, on a busy machine."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(LIMIT + 20)]


@pytest.fixture(scope="module")
def block() -> Block:
    """The generated posts."""
    return next(blocks())


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, block: Block) -> Path:
    """Objects with the first posts, and with two records that cannot be cleaned."""
    folder = tmp_path_factory.mktemp("lake")
    for entity in ENTITIES:
        sent = [*lines(entity, block.rows(entity)[:POSTS]), *(["junk", "[]"] * (entity is GEO))]
        write_objects(folder / names.TOPICS_DIR, names.topic(ID, entity), sent, 50)
    return folder


@pytest.fixture(scope="module")
def kinesis(block: Block) -> Iterator[Engine]:
    """The three streams, with the rows of the first posts."""
    with Engine() as engine:
        for entity in ENTITIES:
            stream = Stream(engine.client, names.stream(ID, entity))
            stream.create(1)
            rows = block.rows(entity)[:POSTS]
            records = [
                {"Data": line.encode(), "PartitionKey": str(row[entity.key])}
                for row, line in zip(rows, lines(entity, rows), strict=True)
            ]
            engine.client.put_records(StreamName=stream.name, Records=records)
        yield engine


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, lake: Path, kinesis: Engine) -> Iterator[JobsApi]:
    """A service whose workspace contains this checkout, as after a deployment."""
    service = JobsApi(
        tmp_path_factory.mktemp("databricks"),
        DATABRICKS_WORKSPACE=f"{HERE}={ROOT}",
        DATABRICKS_SLOTS="1",
        CLUSTER_IDLE_SECONDS="300",
        DELTA_ROOT=f"file:{lake}/delta",
        AWS_ENDPOINT_URL=kinesis.endpoint,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
    )
    with service:
        yield service


def tables(cells: list[dict[str, Any]], marker: str) -> list[set[tuple[str, ...]]]:
    """Tables that the cell with the text ``marker`` has displayed."""
    (cell,) = (cell for cell in cells if marker in cell["source"])
    return [set(rows) for rows in databricks.tables(cell)]


def test_the_notebooks_succeed_and_the_gate_reports_what_is_wrong(
    api: JobsApi, lake: Path, block: Block
) -> None:
    objects = f"file:{lake}/{names.TOPICS_DIR}"
    gate = [f"--objects={objects}", "--thresholds", '{"row_counts": 0}']
    book, programs = f"{HERE}/spark/notebooks", f"{HERE[1:]}/spark/jobs"
    older = {"existing_cluster_id": OLDER}
    run_id = api.submit(
        notebook("clean", f"{book}/clean", {"objects": objects}, **older),
        notebook("results", f"{book}/results", after=("clean",), **older),
        python("gate", f"{programs}/check_quality.py", *gate, after=("clean",), **older),
        python("stream", f"{programs}/run_stream.py", "--once", **older),
        notebook("streams", f"{book}/streams", after=("stream",), **older),
        python("maintain", f"{programs}/maintain_tables.py", after=("results",), **older),
    )
    run = api.ended(run_id, LIMIT)
    good = ("clean", "results", "stream", "streams", "maintain")
    for key in good:
        output = api.output(run, key)
        assert output.error is None, output.error_trace or output.logs
    assert results(run) == dict.fromkeys(good, "SUCCESS") | {"gate": "FAILED"}

    counts = json.loads(api.output(run, "clean").notebook_output.result)
    assert counts == {entity.name: POSTS for entity in ENTITIES}
    cells = api.cells(run, "clean")
    assert tables(cells, "ingest(") == [
        {
            ("pin", "3", "150", "150", "0", "150"),
            ("geo", "4", "152", "150", "2", "150"),
            ("user", "3", "150", "150", "0", "150"),
        }
    ]
    assert [row[:4] for row in sorted(*tables(cells, "quarantine_user"))] == [
        ("geo", "not_an_object", "the record is [], no object", "[]"),
        ("geo", "not_json", "the record is not JSON", "junk"),
    ]
    oracle = Oracle(*(arrow(entity, block.rows(entity)[:POSTS]) for entity in ENTITIES))
    (pins,) = tables(cells, "df_pin ORDER")
    expected = [oracle.cleaned("pin")[key] for key in range(10)]
    assert pins == {tuple("null" if v is None else str(v) for v in row) for row in expected}

    cells = api.cells(run, "results")
    text = "\n".join(cell["source"] for cell in api.cells(run, "results", "markdown"))
    for result in RESULTS:
        assert f"## {result.name}. {result.question}" in text
        (found,) = tables(cells, f"\nFROM result_{result.name}")
        assert found == {tuple(map(str, row)) for row in oracle.result(result.name)}, result.name

    counts = json.loads(api.output(run, "streams").notebook_output.result)
    assert counts == {entity.name: POSTS for entity in ENTITIES}
    cells = api.cells(run, "streams")
    (posts,) = tables(cells, "AS posts, end")
    assert {row[:3] for row in posts} >= {
        (names.stream(ID, entity), "hour", str(POSTS)) for entity in ENTITIES
    }
    (arrived,) = tables(cells, "FROM arrived")
    assert len(arrived) == 5

    # Airflow's operator logs this error, so it names the failed checks, not "SystemExit: 1".
    error = api.output(run, "gate").error or ""
    assert error.startswith("SystemExit: check_quality: ")
    assert "quarantine_share of geo is 0.0131579, threshold 0.01 (2 of 152 records)" in error
    assert "row_counts" in (api.output(run, "gate").logs or "")

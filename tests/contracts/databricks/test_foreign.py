"""Foreign notebooks (tests/foreign), on S3 and Kinesis behind one endpoint."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk.service import jobs
from deltalake import DeltaTable

from contract import names
from contract.entities import ENTITIES
from emulator.dataset.generate import blocks
from tests.support import databricks, elsewhere
from tests.support.data import lines
from tests.support.databricks import JobsApi, notebook
from tests.support.localstack import USER_ID, LocalStack
from tests.support.waiting import wait_for

KEYS = [*range(40), 7528]
LIMIT = 240
"""Seconds for two tasks that start a JVM each on a busy machine."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * LIMIT)]


@pytest.fixture(scope="module")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The bucket and the streams of the template, with some posts."""
    with LocalStack(tmp_path_factory.mktemp("localstack"), "http://127.0.0.1:9") as started:
        s3, kinesis = started.client("s3"), started.client("kinesis")
        block = next(blocks())
        for entity in ENTITIES:
            rows = block.rows(entity)
            sent = list(lines(entity, [rows[key] for key in KEYS]))
            topic = names.topic(USER_ID, entity)
            path = f"{names.TOPICS_DIR}/{topic}/partition=0/{topic}+0+0000000000.json"
            s3.put_object(Bucket=names.bucket(USER_ID), Key=path, Body="\n".join(sent).encode())
            records = [{"Data": line.encode(), "PartitionKey": "one"} for line in sent]
            kinesis.put_records(StreamName=names.stream(USER_ID, entity), Records=records)
        yield started


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, localstack: LocalStack) -> Iterator[JobsApi]:
    """A service with the notebooks in its workspace and the keys in its DBFS."""
    service = JobsApi(
        tmp_path_factory.mktemp("databricks"),
        **localstack.access,
        CLUSTER_IDLE_SECONDS="300",
    )
    for name in ("batch_processing.py", "stream_processing.ipynb"):
        elsewhere.put(name, service.workspace / elsewhere.HOME)
    (service.workspace / "look.py").write_text(LOOK)
    (service.workspace / "production.py").write_text(PRODUCTION)
    file = dbfs(service) / elsewhere.KEYS_FILE
    file.parent.mkdir(parents=True)
    file.write_text(elsewhere.keys())
    with service:
        yield service


LOOK = """# Databricks notebook source
names = sorted(row.tableName for row in spark.sql("SHOW TABLES").collect() if not row.isTemporary)
count = spark.sql("SELECT count(DISTINCT ind) FROM 0a1b2c3d4e5f_pin_table").first()[0]
spark.sql("DROP TABLE cleaned_pins")
spark.range(3).write.saveAsTable("cleaned_pins")
dbutils.notebook.exit(f"{' '.join(names)}: {count}, {spark.table('cleaned_pins').count()}")
"""
"""A later notebook: it lists the saved tables, and drops one and creates it again."""

PRODUCTION = f"""# Databricks notebook source
frame = (
    spark.readStream.format("kinesis")
    .option("streamARN", "arn:aws:kinesis:us-east-1:000000000000:stream/streaming-{USER_ID}-geo")
    .option("roleArn", "arn:aws:iam::000000000000:role/reader")
    .option("serviceCredential", "kinesis-reader")
    .option("consumerMode", "efo")
    .option("initialPosition", "earliest")
    .option("format", "json")
    .load()
)
query = frame.writeStream.format("memory").queryName("rows").trigger(availableNow=True).start()
query.awaitTermination()
dbutils.notebook.exit(str(spark.table("rows").count()))
"""
"""A notebook with the options of a production workspace, and with one of another source."""


def dbfs(api: JobsApi) -> Path:
    """The root of DBFS."""
    return api.data / "dbfs"


def submit(api: JobsApi, path: str, retries: int = 0) -> int:
    """Submit a notebook for an existing cluster of Databricks."""
    cluster = "1108-162752-8okw8dgg"
    return api.submit(notebook("book", path, existing_cluster_id=cluster, max_retries=retries))


def has_ended(api: JobsApi, run_id: int) -> bool:
    """Whether a run has ended by itself."""
    return bool(api.jobs.get_run(run_id).state.result_state)


def log(api: JobsApi, run_id: int) -> str:
    """The output of each attempt at the task of a run."""
    tasks = api.jobs.get_run(run_id).tasks
    files = (api.attempt(task.run_id) / "log" for task in tasks)
    return "\n".join(file.read_text() for file in files if file.exists())


def saved(api: JobsApi) -> dict[str, int]:
    """Number of rows of each saved table, by name."""
    found = {}
    for log in (dbfs(api) / "user/hive/warehouse").glob("*/_delta_log"):
        if list(log.glob("*.json")):
            actions = DeltaTable(str(log.parent)).get_add_actions(flatten=True)
            found[log.parent.name] = sum(actions["num_records"].to_pylist())
    return found


def test_foreign_notebooks_run_unchanged(api: JobsApi) -> None:
    home = f"/Workspace/{elsewhere.HOME}"
    batch = submit(api, f"{home}/batch_processing")
    # Retries as a stream has on Databricks. Spark requires a Python worker within ten seconds, else
    # the query fails: on a machine whose cores are busy that happens at times.
    stream = submit(api, f"{home}/stream_processing", retries=5)

    run = api.ended(batch, LIMIT)
    assert api.output(run, "book").error is None, api.output(run, "book").error_trace
    cells = api.cells(run, "book")
    (listed,) = (cell for cell in cells if "dbutils.fs.ls(" in cell["source"])
    assert [row[1] for row in databricks.tables(listed)[0]] == [f"{USER_ID}.user+0+0000000000.json"]
    (example,) = (cell for cell in cells if "WHERE pin.ind = 7528" in cell["source"])
    ((*row, name),) = databricks.tables(example)[0]
    assert name == "Abigail Ali"
    assert row == ["7528", "null", "null", "/data/mens-fashion", "Albania", "2020-08-28 03:52:47"]
    assert all(cell["outputs"] for cell in cells if "display(" in cell["source"])

    tables = {f"{USER_ID}_{entity.name}_table": len(KEYS) for entity in ENTITIES}
    tables["authentication_credentials"] = 2
    expected = tables | {"cleaned_pins": len(KEYS)}
    wait_for(
        "every record in its table",
        lambda: has_ended(api, stream) or saved(api) == expected,
        LIMIT,
        state=lambda: f"rows: {saved(api)}, {log(api, stream)}",
    )
    assert not has_ended(api, stream), log(api, stream)
    api.jobs.cancel_run(stream)
    run = api.ended(stream)
    assert run.state.result_state is jobs.RunResultState.CANCELED
    assert "error" not in {
        output["output_type"] for cell in api.cells(run, "book") for output in cell["outputs"]
    }

    run = api.ended(submit(api, "/look"), LIMIT)
    assert api.output(run, "book").error is None, api.output(run, "book").error_trace
    assert api.output(run, "book").notebook_output.result == (
        f"{' '.join(sorted(expected))}: {len(KEYS)}, 3"
    )
    assert saved(api) == tables | {"cleaned_pins": 3}


def test_options_without_a_meaning_are_one_warning_in_the_log(api: JobsApi) -> None:
    run_id = submit(api, "/production", retries=2)
    run = api.ended(run_id, LIMIT)
    assert api.output(run, "book").error is None, api.output(run, "book").error_trace
    assert api.output(run, "book").notebook_output.result == str(len(KEYS))
    warning = (
        "the kinesis source ignores options, known to Databricks alone: consumerMode=efo,"
        " roleArn, serviceCredential; unknown: format\n"
    )
    assert log(api, run_id).count(warning) == 1

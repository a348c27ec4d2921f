"""Foreign programs (tests/foreign) on one cluster, with S3 and Kinesis, and MySQL's stand-in."""

import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from databricks.sdk.service import compute, jobs
from deltalake import DeltaTable

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER
from emulator.dataset.generate import blocks
from emulator.dataset.tables import METADATA, TABLES
from tests.contracts.mysql.conftest import Server
from tests.support import ROOT, databricks, elsewhere
from tests.support.data import lines
from tests.support.databricks import JobsApi, notebook, text
from tests.support.localstack import USER_ID, LocalStack
from tests.support.waiting import wait_for
from tests.support.wheels import write_wheel

KEYS = [*range(40), 7528]
CLUSTER = "1108-162752-8okw8dgg"
"""An existing cluster of Databricks, as the programs name it."""
HOME = f"/{elsewhere.HOME}"
ALL = f"streaming-{USER_ID}-all"
"""A stream for all three entities."""
LIMIT = 240
"""Seconds for a run that starts a JVM on a busy machine."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * LIMIT)]


@pytest.fixture(scope="module")
def sent() -> dict[str, list[dict[str, Any]]]:
    """Rows of some posts, by entity."""
    block = next(blocks())
    return {entity.name: [block.rows(entity)[key] for key in KEYS] for entity in ENTITIES}


@pytest.fixture(scope="module")
def localstack(
    tmp_path_factory: pytest.TempPathFactory, sent: dict[str, list[dict[str, Any]]]
) -> Iterator[LocalStack]:
    """The bucket and the streams of the template with the posts, and one further stream."""
    folder = tmp_path_factory.mktemp("localstack")
    with LocalStack(folder, "http://127.0.0.1:9", KINESIS_STREAMS=ALL) as started:
        s3, kinesis = started.client("s3"), started.client("kinesis")
        for entity in ENTITIES:
            records = list(lines(entity, sent[entity.name]))
            topic = names.topic(USER_ID, entity)
            path = f"{names.TOPICS_DIR}/{topic}/partition=0/{topic}+0+0000000000.json"
            s3.put_object(Bucket=names.bucket(USER_ID), Key=path, Body="\n".join(records).encode())
            kinesis.put_records(
                StreamName=names.stream(USER_ID, entity),
                Records=[{"Data": line.encode(), "PartitionKey": "one"} for line in records],
            )
        yield started


@pytest.fixture(scope="module")
def database(
    tmp_path_factory: pytest.TempPathFactory, sent: dict[str, list[dict[str, Any]]]
) -> Iterator[Server]:
    """A source database with the posts."""
    server = Server(tmp_path_factory.mktemp("mysql"))
    with server.service:
        engine = sa.create_engine(server.url("loader"))
        METADATA.create_all(engine)
        with engine.begin() as connection:
            for entity in ENTITIES:
                connection.execute(sa.insert(TABLES[entity]), sent[entity.name])
        engine.dispose()
        yield server


def changes(server: Server, user: str = "reader") -> dict[str, str]:
    """The changes to a program that uses the source database."""
    return elsewhere.database("127.0.0.1", server.port, user, server.password(user))


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, localstack: LocalStack, database: Server
) -> Iterator[JobsApi]:
    """A service with the programs in its workspace, and an index of packages."""
    index = tmp_path_factory.mktemp("index")
    write_wheel(index, "humanize", "4.9.0")
    service = JobsApi(
        tmp_path_factory.mktemp("databricks"),
        **localstack.access,
        CLUSTER_IDLE_SECONDS="300",
        METASTORE_URL=database.metastore_url,
        METASTORE_PASSWORD_FILE=str(database.password_file("metastore")),
        PIP_NO_INDEX="1",
        PIP_FIND_LINKS=str(index),
    )
    jdbc = {"jdbc_for_each_batch.py": changes(database, "loader")}
    elsewhere.put_notebooks(service.workspace, jdbc)
    elsewhere.put("scripts/ends_with_spark_stop.py", service.workspace / elsewhere.HOME)
    (service.workspace / "look.py").write_text(LOOK)
    (service.workspace / "production.py").write_text(PRODUCTION)
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


def submit(api: JobsApi, path: str, retries: int = 0, **more: Any) -> int:
    """Submit a notebook, for an existing cluster of Databricks by default."""
    if "new_cluster" not in more:
        more["existing_cluster_id"] = CLUSTER
    return api.submit(notebook("book", path, max_retries=retries, **more))


def has_ended(api: JobsApi, run_id: int) -> bool:
    """Whether a run has ended by itself."""
    return bool(api.jobs.get_run(run_id).state.result_state)


def log(api: JobsApi, run_id: int) -> str:
    """The output of each attempt at the task of a run."""
    tasks = api.jobs.get_run(run_id).tasks
    files = (api.attempt(task.run_id) / "log" for task in tasks)
    return "\n".join(file.read_text() for file in files if file.exists())


def printed(api: JobsApi, run: jobs.Run, key: str = "book") -> list[str]:
    """The lines that the cells of a notebook have printed."""
    outputs = [output for cell in api.cells(run, key) for output in cell["outputs"]]
    streams = [output for output in outputs if output.get("name") == "stdout"]
    return "".join(output["text"] for output in streams).splitlines()


def ran(api: JobsApi, run_id: int, *keys: str) -> jobs.Run:
    """The run of notebooks, which has succeeded."""
    run = api.ended(run_id, LIMIT)
    for key in keys or ("book",):
        assert api.output(run, key).error is None, api.output(run, key).error_trace
    return run


def saved(api: JobsApi) -> dict[str, int]:
    """Number of rows of each saved Delta table, by name."""
    found = {}
    for log in (api.data / "dbfs/user/hive/warehouse").glob("*/_delta_log"):
        if list(log.glob("*.json")):
            actions = DeltaTable(str(log.parent)).get_add_actions(flatten=True)
            found[log.parent.name] = sum(actions["num_records"].to_pylist())
    return found


def test_foreign_notebooks_run_unchanged(api: JobsApi) -> None:
    batch = submit(api, f"/Workspace{HOME}/batch_processing")
    # Retries as a stream has on Databricks. Spark requires a Python worker within ten seconds, else
    # the query fails: on a machine whose cores are busy that happens at times.
    stream = submit(api, f"/Workspace{HOME}/stream_processing", retries=5)

    run = ran(api, batch)
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

    run = ran(api, submit(api, "/look"))
    assert api.output(run, "book").notebook_output.result == (
        f"{' '.join(sorted(expected))}: {len(KEYS)}, 3"
    )
    assert saved(api) == tables | {"cleaned_pins": 3}


def test_options_without_a_meaning_are_one_warning_in_the_log(api: JobsApi) -> None:
    run_id = submit(api, "/production", retries=2)
    run = ran(api, run_id)
    assert api.output(run, "book").notebook_output.result == str(len(KEYS))
    warning = (
        "the kinesis source ignores options, known to Databricks alone: consumerMode=efo,"
        " roleArn, serviceCredential; unknown: format\n"
    )
    assert log(api, run_id).count(warning) == 1


PRINTED = {
    "keys_csv": ["41 Albania", "True"],
    "keys_table": ["41 Abigail"],
    "s3n_without_mount": ["41", "3", "20"],
    "run_chain/main": [
        "production 3 production_",
        "[12000, 3000000, 876] 1",
        "the other notebook answers 300 and has its own views: 3",
    ],
    "pip_install": ["4.9.0", "1"],
    "pandas_on_spark": [
        "(41, 5)",
        "{'Albania': 30.0, 'Aruba': 33.0}",
        "4 2018",
        "['Albania', 'Aruba'] 93",
    ],
    "sql_context": ["TRAVEL! 3", "2 True 4"],
    "count_distinct": ["art 2 10 1", "travel 1 7 1", "3"],
    "three_part_names": ["4", "2 workspace pinterest", "3 True"],
}
"""The last lines that each notebook prints."""


def test_notebooks_print_what_they_print_on_databricks(api: JobsApi) -> None:
    runs = {name: submit(api, f"{HOME}/{name}") for name in PRINTED}
    lines = {name: printed(api, ran(api, run_id)) for name, run_id in runs.items()}
    assert {name: lines[name][-len(PRINTED[name]) :] for name in PRINTED} == PRINTED


def ran_body(api: JobsApi, name: str) -> list[str]:
    """The lines that the only notebook of a body has printed, which is submitted as it is."""
    body = (elsewhere.FOREIGN / "bodies" / name).read_bytes()
    answer = api.call("POST", "/api/2.1/jobs/runs/submit", body)
    assert answer.status == 200, answer.body
    (task,) = api.jobs.get_run(answer.json["run_id"]).tasks
    run = ran(api, answer.json["run_id"], task.task_key)
    return printed(api, run, task.task_key)


def test_widgets_have_the_parameters_of_the_task(api: JobsApi) -> None:
    lines = ["it's art 2021 Albania ['18-24']", "1", "removed"]
    assert ran_body(api, "widgets.json") == lines


def test_cells_that_were_pasted_from_elsewhere(api: JobsApi) -> None:
    run = ran(api, submit(api, f"{HOME}/indented_cells"))
    _, shell, timed, doubled, _, captured, plot, shown, files, count = api.cells(run, "book")
    assert text(shell) == "category is art\n"
    assert "art 3\n" in text(timed)
    assert "Wall time" in text(timed)
    assert text(doubled) == "42\n"
    assert text(captured) == "captured\n"
    assert "image/png" in plot["outputs"][-1]["data"]
    assert "double(n)\n" in text(shown)
    assert text(files).startswith("True\n")
    assert text(files).endswith("45\n")
    assert text(count) == "3"


def output_of(script: str, folder: Path, changed: dict[str, str]) -> list[str]:
    """The lines that a script prints."""
    file = elsewhere.put(f"scripts/{script}", folder, changed)
    command = [sys.executable, file.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_script_counts_rows(
    database: Server, tmp_path: Path, sent: dict[str, list[dict[str, Any]]]
) -> None:
    count, last, *years = output_of("count_rows.py", tmp_path, changes(database))
    assert count == f"all tables have {len(KEYS)} rows"
    assert last == "2020-08-28T03:52:47 2020"
    joined = Counter(row["date_joined"].year for row in sent[USER.name])
    assert years == [f"{year} {n}" for year, n in sorted(joined.items())]


def test_one_stream_for_three_entities(
    api: JobsApi,
    localstack: LocalStack,
    database: Server,
    sent: dict[str, list[dict[str, Any]]],
    tmp_path: Path,
) -> None:
    changed = {elsewhere.INVOKE_URL: localstack.api} | changes(database)
    lines = output_of("post_to_one_stream.py", tmp_path, changed)
    assert lines == ["pin 200", "geo 200", "user 200"] * 10
    run = ran(api, submit(api, f"{HOME}/one_stream", retries=2))
    draw = random.Random(100)
    newest = max(sent[GEO.name][draw.randint(0, 30)]["timestamp"].year for _ in range(10))
    assert printed(api, run)[-4:] == ["pin 10 0", "geo 10 0", "user 10 0", str(newest)]


def test_the_second_task_of_a_job_finds_the_global_views_of_the_first(api: JobsApi) -> None:
    body = json.loads((elsewhere.FOREIGN / "bodies/views_of_two_tasks.json").read_text())
    job_id = api.call("POST", "/api/2.1/jobs/create", body).json["job_id"]
    run = ran(api, api.jobs.run_now(job_id).run_id, "clean", "query")
    assert printed(api, run, "query") == ["Abigail Ali Albania", f"{len(KEYS)} False"]


def test_tables_in_every_format_are_rewritten_each_day(api: JobsApi) -> None:
    pins = " ".join(["pins", *[str(len(KEYS))] * 3])
    for day in (1, 2):
        run = ran(api, submit(api, f"{HOME}/daily_parquet"))
        assert printed(api, run) == [pins, f"days {day} {day} {2 * day}"]


def test_numbers_and_dates_on_the_runtime_that_they_were_written_for(api: JobsApi) -> None:
    path = f"{HOME}/numbers_and_dates"
    older, newer = (
        submit(api, path, new_cluster=compute.ClusterSpec(spark_version=version, num_workers=0))
        for version in ("15.4.x-scala2.12", "17.3.x-scala2.13")
    )
    same = ["[12000, 3000000, 876, None]", "['2020-01-02 03:04:05', '2018-12-31 23:59:59']"]
    lenient = ["['None', '2018-12-31 23:59:59', 'None', 'None']", "[12000, None, 876, None]", "4"]
    for run_id in (submit(api, path), older):
        assert printed(api, ran(api, run_id)) == [*same, "True", "2018-01-05", *lenient]
    run = api.ended(newer, LIMIT)
    assert printed(api, run) == [*same, "False", "2018-01-05"]
    assert (api.output(run, "book").error or "").startswith(
        "DateTimeException: [CANNOT_PARSE_TIMESTAMP] Text '2020-01-02T03:04:05'"
    )


def test_auto_loader_reads_each_object_once(api: JobsApi, localstack: LocalStack) -> None:
    first = printed(api, ran(api, submit(api, f"{HOME}/auto_loader", retries=2)))
    assert first == [f"{len(KEYS)} 0", "int string string", "None"]
    late = {
        "Bucket": names.bucket(USER_ID),
        "Key": f"{names.TOPICS_DIR}/{names.topic(USER_ID, PIN)}/partition=0/late.json",
    }
    s3 = localstack.client("s3")
    s3.put_object(**late, Body=b'{"index": "seven"}')
    count, types, rescued = printed(api, ran(api, submit(api, f"{HOME}/auto_loader", retries=2)))
    s3.delete_object(**late)  # other notebooks read the folder
    assert (count, types) == (f"{len(KEYS) + 1} 1", first[1])
    assert '{"index":"seven",' in rescued


def test_jdbc_in_for_each_batch(
    api: JobsApi, database: Server, sent: dict[str, list[dict[str, Any]]]
) -> None:
    run = ran(api, submit(api, f"{HOME}/jdbc_for_each_batch"))
    newer = sum(row["timestamp"].year >= 2020 for row in sent[GEO.name])
    count, row, recent = printed(api, run)
    assert (count, recent) == (str(len(KEYS)), str(newer))
    assert row == ("Row(country='Albania', timestamp=datetime.datetime(2020, 8, 28, 3, 52, 47))")
    found = database.run("reader", "SELECT timestamp FROM geo_from_kinesis WHERE ind = 7528")
    assert str(found[0][0]) == "2020-08-28 03:52:47"


def test_bodies_with_libraries(api: JobsApi) -> None:
    body = json.loads((elsewhere.FOREIGN / "bodies/serverless.json").read_text())
    job_id = api.call("POST", "/api/2.2/jobs/create", body).json["job_id"]
    nightly = api.jobs.run_now(job_id).run_id
    assert ran_body(api, "requirements_file.json") == ["4.9.0"]
    run = ran(api, nightly, "clean", "report")
    assert printed(api, run, "clean") == ["4.9.0"]
    assert printed(api, run, "report") == ["4.9.0 2 art 17"]

    body["tasks"][1]["environment_key"] = "other"
    answer = api.call("POST", "/api/2.2/jobs/create", body)
    assert answer.status == 400
    assert "'report': environment_key 'other' is not defined" in answer.json["message"]


def test_a_stream_outlives_neighbours_that_stop_spark(api: JobsApi) -> None:
    stream = submit(api, f"{HOME}/neighbour_stream", retries=2)
    wait_for("its rows", lambda: saved(api).get("neighbour"), LIMIT)
    file = jobs.SparkPythonTask(f"/Workspace{HOME}/ends_with_spark_stop.py", ["9"])
    task = jobs.SubmitTask("book", spark_python_task=file, existing_cluster_id=CLUSTER)
    run = ran(api, api.submit(task))
    assert (api.output(run, "book").logs or "").endswith("odd 4\n")
    run = ran(api, submit(api, f"{HOME}/ends_with_sc_stop"))
    assert printed(api, run) == ["285"]
    before = saved(api)["neighbour"]
    wait_for("more rows", lambda: saved(api)["neighbour"] > before, LIMIT)
    assert not has_ended(api, stream)
    api.jobs.cancel_run(stream)
    assert api.ended(stream).state.result_state is jobs.RunResultState.CANCELED
    folder = api.data / "dbfs/user/hive/warehouse/neighbour"
    rows = DeltaTable(str(folder)).to_pyarrow_table(columns=["value", "twice"]).to_pylist()
    assert [row["twice"] for row in rows] == [2 * row["value"] for row in rows]


def test_five_tasks_of_a_dag_share_the_cluster(api: JobsApi, tmp_path: Path) -> None:
    file = elsewhere.put(
        "dags/five_tasks_dag.py", tmp_path / "dags", {"schedule_interval=": "schedule="}
    )
    address = {"host": "127.0.0.1", "schema": "http", "port": api.port}
    connection = {"conn_type": "databricks", "password": databricks.TOKEN, **address}
    done = subprocess.run(
        [ROOT / ".build/envs/airflow/bin/python", ROOT / "tests/support/dags/execute.py", file],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_DATABRICKS_DEFAULT": json.dumps(connection),
        },
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    lines = [line for line in done.stdout.splitlines() if line.startswith("executed ")]
    executed = [json.loads(line.removeprefix("executed ")) for line in lines]
    countries = ["Albania", "Aruba", "Cuba", "Fiji", "Mali"]
    assert [task for task, _ in executed] == [f"count_{name.lower()}" for name in countries]
    for number, (_, run_id) in enumerate(executed, 1):
        (task,) = api.jobs.get_run(run_id).tasks
        result = api.jobs.get_run_output(task.run_id).notebook_output.result
        assert result == " ".join(countries[:number])

"""Tables of clusters in a Hive metastore, on the server of hop 1 and without one, and JDBC."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.compute import ClusterSpec

from tests.contracts.mysql.conftest import Server
from tests.support import ROOT
from tests.support.databricks import JobsApi, python, results
from tests.support.program import spark_environment
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ALL_PURPOSE = {"existing_cluster_id": "1108-162752-8okw8dgg"}
NEW_CLUSTER = {"new_cluster": ClusterSpec(spark_version="16.4.x-scala2.12", num_workers=0)}
OTHER = {"new_cluster": ClusterSpec(spark_version="17.3.x-scala2.13", num_workers=0)}
LINE = "waits until local runs no tasks: without a MySQL server the metastore is an embedded Derby"
TABLES = {"csv": 10, "delta": 10, "named": 10, "outside": 10, "parquet": 10, "view": 4}


def jdbc(server: Server, folder: Path, url: str) -> Any:
    """Run the JDBC part of spark_tables.py in a JVM of its own."""
    environment = spark_environment(folder, LOADER_PASSWORD=server.password("loader"))
    command = ["spark/run.sh", "tests.contracts.mysql.spark_tables", "jdbc", url]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout)


def write(api: JobsApi, name: str, **cluster: Any) -> int:
    """Submit a task that writes the database ``name``."""
    return api.submit(python(name, "spark_tables.py", "write", name, **cluster))


def found(api: JobsApi, run_id: int) -> dict[str, int]:
    """Number of rows of each table that a run of spark_tables.py has found."""
    run = api.ended(run_id, 240)
    (task,) = run.tasks
    output = api.output(run, task.task_key)
    assert task.state.result_state.value == "SUCCESS", f"{output.error} {output.logs}"
    return dict(json.loads(output.logs.splitlines()[-1]))


def service(folder: Path, **more: str) -> JobsApi:
    """The Databricks service with a metastore and spark_tables.py in its workspace."""
    api = JobsApi(folder, CLUSTER_IDLE_SECONDS="300", **more)
    (api.workspace / "spark_tables.py").write_text(
        (Path(__file__).parent / "spark_tables.py").read_text()
    )
    return api


def test_tables_of_two_clusters_at_once_are_found_after_a_restart(
    server: Server, tmp_path: Path
) -> None:
    password = server.password_file("metastore")
    settings = {"METASTORE_URL": server.metastore_url, "METASTORE_PASSWORD_FILE": str(password)}
    with service(tmp_path, **settings) as api:
        writing = [write(api, "one", **ALL_PURPOSE), write(api, "two", **NEW_CLUSTER)]
        assert [found(api, run_id) for run_id in writing] == [TABLES, TABLES]
        for started in (server.service, api):
            started.kill()
            started.start()
        for name, cluster in (("one", NEW_CLUSTER), ("two", ALL_PURPOSE)):
            run_id = api.submit(python(name, "spark_tables.py", "read", name, **cluster))
            assert found(api, run_id) == TABLES


def test_without_a_server_tables_are_found_by_one_cluster_at_a_time(tmp_path: Path) -> None:
    with service(tmp_path, METASTORE_FOLDER=str(tmp_path / "metastore")) as api:
        hold = api.submit(
            python("hold", "spark_tables.py", "hold", str(tmp_path / "end"), **ALL_PURPOSE)
        )
        wait_for("the metastore", (tmp_path / "metastore").exists, 120)
        limited = python("late", "spark_tables.py", "write", "late", timeout_seconds=5, **OTHER)
        late = api.submit(limited)
        assert results(api.ended(late, 60)) == {"late": "TIMEDOUT"}
        keys = ("two", "three")
        waiting = api.submit(
            *(python(key, "spark_tables.py", "write", key, **NEW_CLUSTER) for key in keys)
        )
        for task in api.jobs.get_run(waiting).tasks:
            log = api.attempt(task.run_id) / "log"
            wait_for("its line", lambda log=log: log.exists() and LINE in log.read_text(), 60)
        (tmp_path / "end").touch()
        api.ended(hold, 60)
        assert results(api.ended(waiting, 240)) == dict.fromkeys(keys, "SUCCESS")
        started = {path.name for path in (api.data / "clusters").iterdir()}
        assert started == {"local", "job-2"}  # one for both tasks
        api.kill()
        api.start()
        run_id = api.submit(python("two", "spark_tables.py", "read", "two", **ALL_PURPOSE))
        assert found(api, run_id) == TABLES


@pytest.mark.parametrize(
    ("scheme", "query"),
    # Spark has no dialect for MariaDB's scheme: it quotes names as standard SQL does.
    [("mysql", ""), ("mariadb", "?sessionVariables=sql_mode=ANSI_QUOTES")],
)
def test_a_notebook_reads_and_appends_over_jdbc(
    server: Server, tmp_path: Path, scheme: str, query: str
) -> None:
    url = f"jdbc:{scheme}://127.0.0.1:{server.port}/pinterest_data{query}"
    try:
        count, types = jdbc(server, tmp_path, url)
        assert count == ["20"]
        assert types == ["int", "datetime", "float", "float", "str"]
    finally:
        server.run("loader", "DROP TABLE IF EXISTS `copy`")

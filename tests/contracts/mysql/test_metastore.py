"""Spark's tables in the Hive metastore on the server of hop 1, and JDBC, from several JVMs."""

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pinpipe.engines import compose
from tests.contracts.mysql.conftest import Server
from tests.support import ROOT
from tests.support.options import settings
from tests.support.program import spark_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

TABLES = {"csv": 10, "delta": 10, "named": 10, "outside": 10, "parquet": 10, "view": 4}


def spark(server: Server, folder: Path, *arguments: str) -> Any:
    """Run spark_tables.py in a JVM of its own, with the settings of spark/conf/metastore.conf."""
    wanted = {**settings("metastore.conf"), "spark.sql.warehouse.dir": f"{folder}/warehouse"}
    own = {"PATH": os.environ["PATH"], "MYSQL_PORT": str(server.port)}
    address = compose.load(ROOT, own).service("databricks").environment["METASTORE_URL"]
    environment = spark_environment(
        folder,
        SPARK_OPTIONS=" ".join(f"--conf {name}={value}" for name, value in wanted.items()),
        METASTORE_URL=address,
        METASTORE_PASSWORD=server.password("metastore"),
        LOADER_PASSWORD=server.password("loader"),
    )
    command = ["spark/run.sh", "tests.contracts.mysql.spark_tables", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
    return json.loads(done.stdout)


def test_tables_of_two_jvms_at_once_are_found_by_a_third(server: Server, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        writing = [pool.submit(spark, server, tmp_path, "write", name) for name in ("one", "two")]
        assert [each.result() for each in writing] == [TABLES, TABLES]
    server.service.kill()
    server.service.start()
    assert spark(server, tmp_path, "read", "one") == TABLES
    assert spark(server, tmp_path, "read", "two") == TABLES


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
        count, types = spark(server, tmp_path, "jdbc", url)
        assert count == ["20"]
        assert types == ["int", "datetime", "float", "float", "str"]
    finally:
        server.run("loader", "DROP TABLE IF EXISTS `copy`")

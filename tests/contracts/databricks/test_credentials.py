"""What notebooks find before the first run: files with the local keys, and a cluster's tags."""

import asyncio
import csv
from pathlib import Path

import pytest
from deltalake import DeltaTable

from contract.settings import Settings
from services.databricks.credentials import FILE, TABLE, provide
from tests.support.databricks import JobsApi, notebook

KEYS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "local-key",
    "AWS_SECRET_ACCESS_KEY": "a/secret+of,ours",
}
READ = """# Databricks notebook source
from pyspark.sql.functions import col
keys = spark.read.format("delta").load("dbfs:/user/hive/warehouse/authentication_credentials")
secret = keys.select("Secret access key").collect()[0]["Secret access key"]
file = spark.read.format("csv").option("header", "true").option("sep", ",")
file = file.load("/FileStore/tables/authentication_credentials.csv")
user = file.where(col("User name") == "databricks-user").collect()
named = spark.table("authentication_credentials").where("`User name` = '0a1b2c3d4e5f'").count()
found = [keys.select("Access key ID").collect()[0]["Access key ID"], secret]
found += [user[0]["Access key ID"], user[0]["Secret access key"], str(named)]
keys.limit(1).write.format("delta").mode("append").saveAsTable("authentication_credentials")
found.append(str(spark.table("authentication_credentials").count()))
found.append(spark.conf.get("spark.databricks.clusterUsageTags.clusterId"))
dbutils.notebook.exit(" ".join(found))
"""


def provided(monkeypatch: pytest.MonkeyPatch, dbfs: Path, **keys: str) -> None:
    """Provide the file and the table as a start of the service does."""
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    asyncio.run(provide(Settings.from_environ(keys), dbfs))


def keys_in(dbfs: Path) -> list[list[str]]:
    """Users and their keys in the file."""
    with (dbfs / FILE).open(newline="") as file:
        return [
            [row[n] for n in ("User name", "Access key ID", "Secret access key")]
            for row in csv.DictReader(file)
        ]


def test_both_follow_the_keys_of_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbfs = tmp_path / "dbfs"
    provided(monkeypatch, dbfs, **KEYS | {"AWS_ENDPOINT_URL": ""})
    assert not dbfs.exists()
    provided(monkeypatch, dbfs, **KEYS)
    users = ("databricks-user", "0a1b2c3d4e5f")
    assert keys_in(dbfs) == [[user, "local-key", "a/secret+of,ours"] for user in users]
    log = dbfs / TABLE / "_delta_log/00000000000000000000.json"
    table = DeltaTable(str(dbfs / TABLE)).to_pyarrow_table().to_pylist()
    assert [row["Secret access key"] for row in table] == ["a/secret+of,ours"] * 2
    first = log.read_text(), log.stat().st_ino
    provided(monkeypatch, dbfs, **KEYS)
    assert (log.read_text(), log.stat().st_ino) == first
    provided(monkeypatch, dbfs, **KEYS | {"AWS_ACCESS_KEY_ID": "other-key"})
    assert [row[1] for row in keys_in(dbfs)] == ["other-key"] * 2
    assert log.read_text() != first[0]


def test_what_a_user_has_put_there_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dbfs = tmp_path / "dbfs"
    (dbfs / TABLE).mkdir(parents=True)
    (dbfs / FILE).parent.mkdir(parents=True)
    (dbfs / FILE).write_text("Access key ID\nmine\n")
    provided(monkeypatch, dbfs, **KEYS)
    assert (dbfs / FILE).read_text() == "Access key ID\nmine\n"
    assert not list((dbfs / TABLE).iterdir())


@pytest.mark.slow
def test_a_notebook_reads_both_and_the_id_of_its_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with JobsApi(tmp_path, **KEYS) as api:
        (api.workspace / "read.py").write_text(READ)
        run = api.ended(api.submit(notebook("a", "/read", existing_cluster_id="1-2-x")), 120)
        output = api.output(run, "a")
        assert output.error is None, output.error_trace
        pair = "local-key a/secret+of,ours"
        assert output.notebook_output.result == f"{pair} {pair} 1 3 1-2-x"
        dbfs = api.data / "dbfs"
    provided(monkeypatch, dbfs, **KEYS | {"AWS_ACCESS_KEY_ID": "other-key"})
    assert len(list((dbfs / TABLE / "_delta_log").glob("*.json"))) == 2  # with the user's row
    assert keys_in(dbfs)[0][1] == "other-key"

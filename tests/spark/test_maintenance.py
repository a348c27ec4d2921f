"""Small files are joined; files that only old versions need are removed when old enough."""

import json
from pathlib import Path

import pytest

from contract import names
from contract.entities import GEO
from spark.jobs import maintain_tables
from spark.pipeline.delta.lock import writer_lock
from spark.pipeline.delta.tables import Table
from tests.support.lake import ID, Lake, rows


def data_files(table: Table) -> set[Path]:
    """Data files below a table."""
    return set(Path(table.uri).glob("*.parquet"))


@pytest.mark.slow
def test_the_job_joins_small_files_and_keeps_the_versions_of_a_week(lake: Lake) -> None:
    assert maintain_tables.main([]) == 0
    assert lake.capture.readouterr().out == "there are no tables yet\n"
    table = Table(f"{lake.root}/{names.table(ID, GEO)}")
    # Four rows, each in a file of its own.
    lake.spark.range(0, 4, 1, 4).toDF("ind").write.format("delta").save(table.uri)
    before = data_files(table)
    assert maintain_tables.main(["--json"]) == 0
    (done,) = json.loads(lake.capture.readouterr().out)["tables"]
    assert done.pop("bytes") > 0
    assert done == {"table": table.uri, "files": 1, "joined": 4, "conflict": None}
    assert sorted(row["ind"] for row in rows(table.read(lake.spark))) == [0, 1, 2, 3]
    assert len(data_files(table) - before) == 1
    assert before <= data_files(table)
    assert len(rows(table.read(lake.spark, 0))) == 4

    version = table.last_commit(lake.spark).version
    lake.spark.sql(
        f"ALTER TABLE delta.`{table.uri}` SET TBLPROPERTIES"
        " ('delta.deletedFileRetentionDuration' = 'interval 0 seconds')"
    )
    assert maintain_tables.main([]) == 0
    assert lake.capture.readouterr().out.startswith(f"{table.uri}: 1 files, ")
    assert len(data_files(table)) == 1
    assert data_files(table).isdisjoint(before)
    # Without files to join there is no commit: the last one set the property.
    assert table.last_commit(lake.spark).version == version + 1


def test_maintenance_waits_for_the_batch(lake: Lake) -> None:
    with writer_lock(lake.root, "us-east-1", wait=0):
        reason = maintain_tables.main(["--wait", "0"])
    assert "another run writes the tables" in str(reason)

"""Names of three parts, the statements about catalogs and volumes, in a real session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from services.databricks.runner import catalogs

DATABASE = "of_three"
TABLE = f"workspace.{DATABASE}.posts"


@pytest.fixture(scope="module")
def session(spark: SparkSession, dbfs: Path) -> Iterator[SparkSession]:
    """A session with the statements, and a database with a table of two rows and a view of it."""
    catalogs.install()
    own = spark.newSession()
    own.sql(f"CREATE SCHEMA workspace.{DATABASE} LOCATION '{(dbfs / DATABASE).as_uri()}'")
    own.range(2).write.format("delta").saveAsTable(TABLE)
    own.sql(f"CREATE VIEW main.{DATABASE}.seen AS SELECT id FROM hive_metastore.{DATABASE}.posts")
    yield own
    own.sql(f"DROP SCHEMA hive_metastore.{DATABASE} CASCADE")


def values(session: SparkSession, statement: str) -> list[object]:
    """The first column of the rows that a statement returns."""
    return [row[0] for row in session.sql(statement).collect()]


@pytest.mark.parametrize("catalog", ["hive_metastore", "workspace", "main", "`Main`", "WORKSPACE"])
def test_each_catalog_has_the_same_tables(session: SparkSession, catalog: str) -> None:
    assert values(session, f"SELECT count(*) FROM {catalog}.{DATABASE}.posts") == [2]
    assert session.table(f"{catalog}.{DATABASE}.seen").count() == 2
    assert session.table(f"spark_catalog.{DATABASE}.posts").count() == 2
    assert [one.name for one in session.catalog.listTables(f"{catalog}.{DATABASE}")] == [
        "posts",
        "seen",
    ]
    assert session.catalog.getTable(f"{DATABASE}.posts").tableType == "MANAGED"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"SELECT workspace.{DATABASE}.posts.id FROM {TABLE} ORDER BY 1", [0, 1]),
        (f"SELECT workspace.{DATABASE}.posts.* FROM {TABLE} ORDER BY 1", [0, 1]),
        (f"SELECT main.id FROM {TABLE} AS main ORDER BY 1", [0, 1]),
        (f"SELECT main.* FROM {TABLE} AS main ORDER BY 1", [0, 1]),
        ("SELECT main.a.b.c FROM (SELECT named_struct('b', struct(7 AS c)) AS a) AS main", [7]),
        (f"WITH few AS (SELECT max(id) AS m FROM {TABLE}) SELECT m FROM few", [1]),
        (f"SELECT (SELECT max(id) FROM main.{DATABASE}.posts)", [1]),
        (f"SELECT id FROM {TABLE} WHERE id IN (SELECT max(id) FROM {TABLE})", [1]),
        (f"SELECT count(*) FROM IDENTIFIER('{TABLE}')", [2]),
        (f"SHOW TABLES IN workspace.{DATABASE} LIKE 'posts'", [DATABASE]),
        (f"SHOW VIEWS IN main.{DATABASE}", [DATABASE]),
        (f"SHOW SCHEMAS IN hive_metastore LIKE '{DATABASE}'", [DATABASE]),
        (f"DESCRIBE SCHEMA workspace.{DATABASE}", ["Catalog Name", "Namespace Name"]),
        (f"DESCRIBE TABLE {TABLE}", ["id"]),
    ],
)
def test_queries(session: SparkSession, query: str, expected: list[object]) -> None:
    assert values(session, query)[: len(expected)] == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "OPTIMIZE {}",
        "OPTIMIZE {} ZORDER BY (id)",
        "VACUUM {} DRY RUN",
        "DESCRIBE DETAIL {}",
        "DESCRIBE HISTORY {}",
        "RESTORE TABLE {} TO VERSION AS OF 0",
        "REORG TABLE {} APPLY (PURGE)",
        "GENERATE symlink_format_manifest FOR TABLE {}",
        "ALTER TABLE {} ADD CONSTRAINT positive CHECK (id >= 0)",
        "ALTER TABLE {} DROP CONSTRAINT positive",
        "ALTER TABLE {} SET TBLPROPERTIES (a = 'b')",
        "ALTER TABLE {} ADD COLUMNS (name STRING)",
        "SELECT * FROM {} VERSION AS OF 0",
        "INSERT INTO {} (id) VALUES (5)",
        "UPDATE {} AS main SET main.id = 6 WHERE main.id = 5",
        "MERGE INTO {} AS main USING (SELECT 6L AS id) AS s ON main.id = s.id"
        " WHEN MATCHED THEN UPDATE SET main.id = s.id + 1",
        "DELETE FROM {} WHERE id > 1",
        "CREATE OR REPLACE TABLE main.of_three.copy SHALLOW CLONE {}",
        "REFRESH TABLE {}",
        "SHOW TBLPROPERTIES {}",
        "SHOW COLUMNS IN {}",
    ],
)
def test_statements(session: SparkSession, statement: str) -> None:
    session.sql(statement.format(TABLE)).collect()
    assert values(session, f"SELECT id FROM {TABLE} ORDER BY id")[:2] == [0, 1]


@pytest.mark.slow
def test_tables_are_converted_renamed_and_dropped(session: SparkSession) -> None:
    session.range(1).write.format("parquet").saveAsTable(f"main.{DATABASE}.plain")
    session.sql(f"CONVERT TO DELTA main.{DATABASE}.plain")
    session.sql(f"ALTER TABLE main.{DATABASE}.plain RENAME TO main.{DATABASE}.delta_now")
    assert DeltaTable.forName(session, f"main.{DATABASE}.delta_now").toDF().count() == 1
    session.sql(f"DROP TABLE main.{DATABASE}.delta_now")
    assert not session.catalog.tableExists(f"main.{DATABASE}.delta_now")


@pytest.mark.slow
def test_methods(session: SparkSession, tmp_path: Path) -> None:
    session.range(2).writeTo(f"main.{DATABASE}.second").using("delta").createOrReplace()
    stream = session.readStream.table(f"main.{DATABASE}.second").writeStream.format("delta")
    stream = stream.option("checkpointLocation", str(tmp_path / "checkpoint"))
    stream.trigger(availableNow=True).toTable(f"workspace.{DATABASE}.third").awaitTermination()
    session.range(1).write.insertInto(f"main.{DATABASE}.third")
    assert session.table(f"{DATABASE}.third").count() == 3
    assert session.catalog.tableExists(f"workspace.{DATABASE}.third")
    assert session.catalog.databaseExists(f"workspace.{DATABASE}")
    assert [one.name for one in session.catalog.listColumns(f"main.{DATABASE}.third")] == ["id"]
    assert DeltaTable.forName(session, TABLE).detail().count() == 1


def test_current_catalog(session: SparkSession) -> None:
    own, other = session.newSession(), session.newSession()
    assert values(own, "SELECT current_catalog()") == [own.catalog.currentCatalog()]
    assert own.catalog.currentCatalog() == "hive_metastore"
    own.sql("-- today's catalog\nUSE CATALOG workspace;")
    assert own.catalog.currentCatalog() == "workspace"
    assert own.sql("SELECT current_catalog()").collect()[0].asDict() == {
        "current_catalog()": "workspace"
    }
    own.sql(f"USE main.{DATABASE}")
    assert values(own, "SELECT current_catalog() || '.' || current_schema()") == [
        f"main.{DATABASE}"
    ]
    assert own.table("posts").count() == 2
    own.catalog.setCurrentDatabase("workspace.default")
    assert own.catalog.currentDatabase() == "default"
    own.catalog.setCurrentCatalog("main")
    assert values(own, "SELECT current_catalog()") == ["main"]
    assert values(other, "SELECT current_catalog()") == ["hive_metastore"]
    assert values(own, "SHOW CATALOGS LIKE 'w*'") == ["workspace"]
    assert [one.name for one in own.catalog.listCatalogs()] == list(catalogs.CATALOGS)
    with pytest.raises(AnalysisException, match=r"CATALOG_NOT_FOUND.*lake"):
        own.sql("USE CATALOG lake")


def test_volumes_are_folders(session: SparkSession, dbfs: Path) -> None:
    own = session.newSession()
    own.sql("USE CATALOG workspace")
    own.sql("CREATE VOLUME IF NOT EXISTS workspace.default.keys COMMENT 'of tests'")
    own.sql("CREATE VOLUME if not exists keys")
    folder = dbfs / "Volumes/workspace/default/keys"
    (folder / "one.txt").write_text("text\n")
    assert own.read.text("dbfs:/Volumes/workspace/default/keys/one.txt").count() == 1
    assert [tuple(row) for row in own.sql("SHOW VOLUMES IN workspace.default").collect()] == [
        ("default", "keys")
    ]
    described = own.sql("DESCRIBE VOLUME keys").collect()[0]
    assert described.storage_location == "dbfs:/Volumes/workspace/default/keys"
    for statement, message in (
        ("CREATE VOLUME keys", "VOLUME_ALREADY_EXISTS"),
        ("CREATE VOLUME workspace.nowhere.keys", "SCHEMA_NOT_FOUND"),
        ("CREATE VOLUME lake.default.keys", "CATALOG_NOT_FOUND"),
        ("DROP VOLUME other", "VOLUME_NOT_FOUND"),
    ):
        with pytest.raises(AnalysisException, match=message):
            own.sql(statement)
    own.sql("DROP VOLUME IF EXISTS other")
    own.sql("DROP VOLUME keys")
    assert not folder.exists()
    assert own.sql("SHOW VOLUMES").collect() == []


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("GRANT SELECT ON TABLE t TO `me`", "GRANT"),
        ("  revoke ALL on schema s from me", "REVOKE"),
        ("SHOW GRANTS ON t", "SHOW GRANTS"),
        ("DENY SELECT ON t TO me", "DENY"),
        ("CREATE CATALOG IF NOT EXISTS c", "CREATE CATALOG"),
        ("CREATE EXTERNAL VOLUME v LOCATION 's3://b/p'", "CREATE EXTERNAL VOLUME"),
        ("ALTER TABLE a.b.c OWNER TO me", "ALTER TABLE A.B.C OWNER TO"),
        ("CREATE EXTERNAL LOCATION l URL 's3://b'", "CREATE EXTERNAL LOCATION"),
    ],
)
def test_what_is_not_available_is_refused_by_name(
    session: SparkSession, statement: str, name: str
) -> None:
    with pytest.raises(catalogs.NotAvailableError, match=f"not available here: {name}"):
        session.sql(statement)

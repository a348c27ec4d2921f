"""What the test of the metastore runs in JVMs of its own; prints a JSON document.

``write NAME`` writes tables into a database, and ``read NAME`` counts their rows. ``hold FILE``
lists the tables and waits for a file. ``jdbc URL`` copies a table with JDBC in ``foreachBatch`` and
counts the rows of the copy.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

FORMATS = ("parquet", "csv", "delta")


def write(spark: SparkSession, database: str) -> None:
    """Write tables of each kind, twice as on two days."""
    rows = spark.range(10)
    folder = spark.conf.get("spark.sql.warehouse.dir")
    spark.sql(f"CREATE DATABASE IF NOT EXISTS {database} LOCATION '{folder}/elsewhere/{database}'")
    named = rows.selectExpr("id AS `größe 名`").write.mode("overwrite").format("delta")
    outside = rows.write.mode("overwrite").option("path", f"{folder}/outside/{database}")
    for _ in range(2):
        for kind in FORMATS:
            rows.write.mode("overwrite").format(kind).saveAsTable(f"{database}.{kind}")
        outside.format("parquet").saveAsTable(f"{database}.outside")
        named.option("delta.columnMapping.mode", "name").saveAsTable(f"{database}.named")
        spark.sql(
            f"CREATE OR REPLACE VIEW {database}.view COMMENT 'ключ' AS "
            f"SELECT id, '名' AS name FROM {database}.parquet WHERE id > 5"
        )


def read(spark: SparkSession, database: str) -> dict[str, int]:
    """Number of rows of each table of a database."""
    names = [row.tableName for row in spark.sql(f"SHOW TABLES IN {database}").collect()]
    return {name: spark.table(f"{database}.{name}").count() for name in sorted(names)}


def jdbc(spark: SparkSession, url: str) -> list[list[str]]:
    """Append the rows of a stream to a table; return rows of it with their types."""
    options = {"url": url, "user": "loader", "password": os.environ["LOADER_PASSWORD"]}
    source = spark.read.format("jdbc").options(**options, dbtable="geolocation_data").load()
    with tempfile.TemporaryDirectory() as folder:
        source.orderBy("ind").limit(20).write.parquet(f"{folder}/rows")

        def append(batch: DataFrame, _number: int) -> None:
            batch.write.format("jdbc").options(**options, dbtable="copy").mode("append").save()

        stream = spark.readStream.schema(source.schema).parquet(f"{folder}/rows")
        query = stream.writeStream.foreachBatch(append)
        query.trigger(availableNow=True).start().awaitTermination()
    copied = spark.read.format("jdbc").options(**options, dbtable="copy").load()
    first = copied.orderBy("ind").first()
    assert first is not None
    return [[str(copied.count())], [type(value).__name__ for value in first]]


if __name__ == "__main__":
    step, name = sys.argv[1:]
    session = SparkSession.builder.getOrCreate()
    if step == "write":
        write(session, name)
    if step == "hold":
        session.sql("SHOW TABLES").collect()
        while not Path(name).exists():
            time.sleep(0.05)
        sys.exit()
    found = jdbc(session, name) if step == "jdbc" else read(session, name)
    sys.stdout.write(json.dumps(found))

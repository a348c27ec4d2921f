"""Tables that notebooks save by name: folders of DBFS, as in Databricks' Hive metastore.

A task's session has a catalog in memory alone. A managed table of Delta is where Databricks puts
it, ``dbfs:/user/hive/warehouse/[<schema>.db/]<table>``, and that is all there is to know of it:
each session finds the tables there again. Views, and tables in other formats, end with a session.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException

from services.databricks.runner.catalogs import quoted
from services.databricks.runner.dbutils.dbfs import Dbfs

FOLDER = "user/hive/warehouse"
DEFAULT = "default"
_SCHEMA = ".db"


def find_tables(spark: Any, dbfs: Dbfs) -> None:
    """Tell a session of the tables that earlier ones have saved; name one that can't be read."""
    for schema, table, path in _tables(dbfs.root / FOLDER):
        try:
            if schema != DEFAULT:
                spark.sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
            name = f"{quoted(schema)}.{quoted(table)}"
            spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING delta LOCATION 'dbfs:/{path}'")
            _make_managed(spark, schema, table)
        except PySparkException as error:
            sys.stderr.write(f"table {schema}.{table} in dbfs:/{path} can't be used: {error}\n")


def _tables(warehouse: Path) -> Iterator[tuple[str, str, str]]:
    """Schema, name and place in DBFS of each table, in order."""
    for log in sorted([*warehouse.glob("*/_delta_log"), *warehouse.glob("*.db/*/_delta_log")]):
        above, table = log.parent.parent, log.parent.name
        schema = DEFAULT if above == warehouse else above.name.removesuffix(_SCHEMA)
        yield schema, table, f"{FOLDER}/{log.parent.relative_to(warehouse)}"


def _make_managed(spark: Any, schema: str, table: str) -> None:
    """Let a table own its files, so that DROP TABLE removes them.

    Delta makes no managed table of files that are there: it is an external one first.
    """
    catalog = spark._jsparkSession.sharedState().externalCatalog()
    known = catalog.getTable(schema, table)
    places = range(known.productArity())
    fields = {known.productElementName(n): known.productElement(n) for n in places}
    types = spark.sparkContext._jvm.org.apache.spark.sql.catalyst.catalog.CatalogTableType
    catalog.alterTable(known.copy(*(fields | {"tableType": types.MANAGED()}).values()))

"""Puts Delta tables that lie in the warehouse into the metastore.

A table that was saved before there was a metastore, or that the stack itself makes, is only a
folder: ``dbfs:/user/hive/warehouse/[<schema>.db/]<table>``. The first process on a cluster makes
such tables known by their names, as managed tables.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyspark.errors import PySparkException

from services.databricks.runner.catalogs import quoted

FOLDER = "user/hive/warehouse"
DEFAULT = "default"
_SCHEMA = ".db"


def find_tables(spark: Any, dbfs: Path) -> None:
    """Make tables known that the metastore lacks; report one that can't be read on stderr."""
    for schema, table, path in _tables(dbfs / FOLDER):
        name = f"{quoted(schema)}.{quoted(table)}"
        try:
            if spark.catalog.tableExists(name):
                continue
            if schema != DEFAULT:
                spark.sql(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
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

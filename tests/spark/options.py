"""Options of Spark that a test needs beside spark/conf."""

from __future__ import annotations

from importlib.util import find_spec

WITHOUT_DELTA = (
    "--conf spark.driver.extraClassPath= --conf spark.sql.extensions="
    " --conf spark.sql.catalog.spark_catalog=builtin"
)
"""Delta is of one version of Spark: the environments of the others have none."""


def spark_options() -> str:
    """Options for the Spark of this environment, to be handed to spark-submit."""
    return "" if find_spec("delta") else WITHOUT_DELTA

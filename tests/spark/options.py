"""Options of Spark that a test needs beside spark/conf."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

CONF = Path(__file__).resolve().parents[2] / "spark/conf"

WITHOUT_DELTA = (
    "--conf spark.driver.extraClassPath= --conf spark.sql.extensions="
    " --conf spark.sql.catalog.spark_catalog=builtin"
)
"""For a version of Spark that no Delta of ours is for."""

OF_VERSION = {
    "4.0": "--conf spark.driver.extraClassPath=.build/spark-previous/jars/*",
    "4.1": "",
}
"""Where Delta's jars are, by the version of Spark: those of 4.1 are the jobs' own."""


def spark_options() -> str:
    """Options for the Spark of this environment, to be handed to spark-submit."""
    return OF_VERSION.get(version("pyspark").rpartition(".")[0], WITHOUT_DELTA)


def settings(file: str) -> dict[str, str]:
    """Settings of a file of spark/conf, by name."""
    lines = (CONF / file).read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.startswith("spark."))

"""Options of Spark that a test needs beside spark/conf."""

from __future__ import annotations

from importlib.metadata import version

from tests.support import ROOT

CONF = ROOT / "spark/conf"

LTS = "--conf spark.driver.extraClassPath=.build/spark-lts/jars/*"
"""Where the Delta of Databricks 17.3 LTS is; that of the jobs' own Spark is in spark/conf."""


def spark_options() -> str:
    """Options for the Spark of this environment, to be handed to spark-submit."""
    return LTS if version("pyspark").startswith("4.0.") else ""


def settings(file: str) -> dict[str, str]:
    """Settings of a file of spark/conf, by name."""
    lines = (CONF / file).read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.startswith("spark."))

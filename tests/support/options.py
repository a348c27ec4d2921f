"""Options of Spark that a test needs in addition to spark/conf."""

from importlib.metadata import version

from tests.support import ROOT

CONF = ROOT / "spark/conf"

LTS = "--conf spark.driver.extraClassPath=.build/spark-lts/jars/*"
"""Class path with the Delta of Databricks 17.3 LTS; spark/conf has that of the jobs' own Spark."""


def spark_options() -> str:
    """Return the options of spark-submit for the Spark of this environment."""
    return LTS if version("pyspark").startswith("4.0.") else ""


def settings(file: str) -> dict[str, str]:
    """Return the settings of a file of spark/conf, by name."""
    lines = (CONF / file).read_text().splitlines()
    return dict(line.split(maxsplit=1) for line in lines if line.startswith("spark."))

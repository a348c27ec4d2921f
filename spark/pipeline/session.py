"""Hop 7: the Spark session of a job."""

from pyspark.sql import SparkSession


def session(name: str) -> SparkSession:
    """Return the session, in ANSI mode: a cast that fails is an error and never a null.

    The default depends on the cluster's runtime.
    """
    return SparkSession.builder.appName(name).config("spark.sql.ansi.enabled", "true").getOrCreate()

"""The session of a job."""

from pyspark.sql import SparkSession

from spark.pipeline.session import session


def test_a_job_is_in_ansi_mode_whatever_the_cluster_has(spark: SparkSession) -> None:
    spark.conf.set("spark.sql.ansi.enabled", "false")
    try:
        assert session("job").conf.get("spark.sql.ansi.enabled") == "true"
    finally:
        spark.conf.set("spark.sql.ansi.enabled", "true")

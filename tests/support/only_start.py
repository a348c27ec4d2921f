"""A Spark job that only starts, to measure what every job needs before its work."""

from pyspark.sql import SparkSession

if __name__ == "__main__":
    SparkSession.builder.appName("only_start").getOrCreate().range(1).collect()

# Databricks notebook source
!pip install humanize==4.9.0

# COMMAND ----------

import humanize
print(humanize.VERSION)

# COMMAND ----------

from pyspark.sql.functions import udf

@udf("string")
def version(n):
    import humanize
    return humanize.VERSION

display(spark.range(3).select(version("id").alias("version")))
print(spark.range(3).select(version("id")).distinct().count())

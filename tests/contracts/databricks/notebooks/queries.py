# Databricks notebook source
from pyspark.sql.functions import col, to_timestamp, when

# Habits of notebooks that were written on runtimes below 17.
row = [(1, "5k", "2020-01-02T03:04:05")]
rows = spark.createDataFrame(row, "ind int, followers string, at string")
habits = rows.select(
    col("followers").cast("int"),
    to_timestamp("at", "yyyy-MM-dd HH:mm:ss"),
    when(col("ind") == "", None).otherwise(col("ind")),
)
assert tuple(habits.first()) == (None, None, 1)

# COMMAND ----------

# MAGIC %run ./lib/start

# COMMAND ----------

# A query whose failure is handled.
failing = start("handled")
try:
    failing.awaitTermination()
except Exception as error:
    print("handled", type(error).__name__)

# COMMAND ----------

import time

while query.isActive:
    time.sleep(0.02)
print(str(query.exception())[:80])

# COMMAND ----------

dbutils.notebook.exit("the last cell")

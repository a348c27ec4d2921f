# Databricks notebook source
def start(name):
    stream = spark.readStream.format("rate").load()
    strings = stream.selectExpr("concat(value - value + 12, 'k') AS followers")
    numbers = strings.selectExpr("CAST(followers AS INT) AS followers")
    at = f"/tmp/checkpoints/{name}"
    return numbers.writeStream.queryName(name).option("checkpointLocation", at).toTable(name)


# COMMAND ----------

spark.conf.set("spark.sql.ansi.enabled", "true")
query = start("followers")

# Databricks notebook source
import humanize

df = spark.createDataFrame([("art", "12"), ("art", "5"), ("travel", "x")], "category STRING, pins STRING")
df = df.selectExpr("category", "try_cast(pins AS INT) AS pins").na.drop()
df.write.mode("overwrite").saveAsTable("nightly_pins")
dbutils.jobs.taskValues.set(key="rows", value=df.count())
print(humanize.VERSION)

# Databricks notebook source
# runs every day
df_pin = spark.read.json("s3a://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.pin/partition=0/*.json")
df_pin = df_pin.select("index", "title", "category")

df_pin.write.mode("overwrite").format("parquet").saveAsTable("pins_parquet")
df_pin.write.mode("overwrite").format("csv").option("header", "true").saveAsTable("pins_csv")
df_pin.write.mode("overwrite").partitionBy("category").format("parquet").saveAsTable("pins_by_category")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE DATABASE IF NOT EXISTS history;
# MAGIC CREATE TABLE IF NOT EXISTS history.days (pins LONG) USING parquet;
# MAGIC CREATE TABLE IF NOT EXISTS days_elsewhere (pins LONG) USING delta LOCATION '/mnt/delta/days_elsewhere';
# MAGIC CREATE OR REPLACE VIEW many_days AS SELECT * FROM history.days UNION ALL SELECT * FROM days_elsewhere

# COMMAND ----------

# MAGIC %sql
# MAGIC INSERT INTO history.days SELECT COUNT(*) FROM pins_parquet;
# MAGIC INSERT INTO days_elsewhere SELECT COUNT(*) FROM pins_csv

# COMMAND ----------

print("pins", spark.table("pins_parquet").count(), spark.table("pins_csv").count(), spark.table("pins_by_category").count())
print("days", spark.table("history.days").count(), spark.table("days_elsewhere").count(), spark.table("many_days").count())

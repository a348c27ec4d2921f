# Databricks notebook source
rows = int(dbutils.widgets.get("rows"))
# a view of the same name as in the other notebook
spark.range(rows * 100).createOrReplaceTempView("followers")

# COMMAND ----------

try:
    clean_follower_count
except NameError:
    dbutils.notebook.exit(spark.table("followers").count())

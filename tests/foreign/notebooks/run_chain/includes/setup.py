# Databricks notebook source
# MAGIC %run ../includes/functions

# COMMAND ----------

dbutils.widgets.text("environment", "test")
dbutils.widgets.text("limit", "10")
environment = dbutils.widgets.get("environment")
limit = int(getArgument("limit"))
TABLE_PREFIX = environment + "_"

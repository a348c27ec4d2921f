# Databricks notebook source
dbutils.widgets.text("country", "")
country = dbutils.widgets.get("country")

# COMMAND ----------

# the countries of the tasks before this one
try:
    before = [row.country for row in spark.table("global_temp.countries").collect()]
except Exception as e:
    if "TABLE_OR_VIEW_NOT_FOUND" not in str(e):
        raise e
    before = []

# COMMAND ----------

spark.createDataFrame([(name,) for name in before + [country]], "country STRING").createOrReplaceGlobalTempView("countries")
print(country, len(before))

# COMMAND ----------

dbutils.notebook.exit(" ".join(before + [country]))

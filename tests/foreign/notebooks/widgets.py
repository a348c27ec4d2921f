# Databricks notebook source
dbutils.widgets.text("category", "art", "Category")
dbutils.widgets.dropdown("year", "2018", [str(year) for year in range(2015, 2024)])
dbutils.widgets.combobox("country", "Albania", ["Albania", "Aruba"])
dbutils.widgets.multiselect("ages", "18-24", ["18-24", "25-35"])

# COMMAND ----------

category = dbutils.widgets.get("category")
print(category, int(dbutils.widgets.get("year")) + 1, dbutils.widgets.get("country"), dbutils.widgets.get("ages").split(","))

# COMMAND ----------

spark.createDataFrame([("art", 2018), ("art", 2020), ("it's art", 2020)], "category STRING, year INT").createOrReplaceTempView("posts")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT category, year FROM posts WHERE category = :category AND year = ${year}

# COMMAND ----------

print(_sqldf.count())
dbutils.widgets.remove("ages")
try:
    dbutils.widgets.get("ages")
except Exception as e:
    print("removed")
dbutils.widgets.removeAll()

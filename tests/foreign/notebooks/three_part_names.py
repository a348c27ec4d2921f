# Databricks notebook source
# MAGIC %sql
# MAGIC USE CATALOG workspace;
# MAGIC CREATE SCHEMA IF NOT EXISTS workspace.pinterest;
# MAGIC CREATE VOLUME IF NOT EXISTS workspace.pinterest.landing

# COMMAND ----------

path = "/Volumes/workspace/pinterest/landing"
dbutils.fs.put(f"{path}/countries.csv", "ind,country\n1,Albania\n2,Aruba\n3,\n", True)
with open(f"{path}/countries.csv") as file:
    print(len(file.readlines()))

# COMMAND ----------

df = spark.read.csv(f"{path}/countries.csv", header=True, inferSchema=True)
df.write.mode("overwrite").saveAsTable("workspace.pinterest.countries")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE OR REPLACE TABLE workspace.pinterest.known_countries AS SELECT * FROM workspace.pinterest.countries WHERE country IS NOT NULL

# COMMAND ----------

spark.sql("USE workspace.pinterest")
print(spark.table("known_countries").count(), spark.catalog.currentCatalog(), spark.catalog.currentDatabase())
print(spark.table("hive_metastore.pinterest.countries").count(), spark.catalog.tableExists("main.pinterest.known_countries"))

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT current_catalog(), current_schema(), COUNT(*) FROM workspace.pinterest.known_countries

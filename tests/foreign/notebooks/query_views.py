# Databricks notebook source
df = spark.sql("SELECT user_name, country FROM global_temp.gtv_geo geo JOIN global_temp.gtv_user user ON geo.ind = user.ind WHERE geo.ind = 7528")
print(df.first()["user_name"], df.first()["country"])

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT COUNT(*) FROM global_temp.gtv_geo WHERE size(coordinates) = 2

# COMMAND ----------

print(_sqldf.first()[0], spark.catalog.tableExists("only_here"))

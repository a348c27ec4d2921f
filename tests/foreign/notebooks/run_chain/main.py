# Databricks notebook source
# MAGIC %run ./includes/setup $environment="production" $limit="3"

# COMMAND ----------

print(environment, limit, TABLE_PREFIX)

# COMMAND ----------

df = spark.createDataFrame([(1, "12k"), (2, "3M"), (3, "876")], "ind INT, follower_count STRING")
df = clean_follower_count(df)
df.createOrReplaceTempView("followers")
print([row.follower_count for row in df.orderBy("ind").collect()], calls)

# COMMAND ----------

answer = dbutils.notebook.run("./includes/count_rows", 120, {"rows": str(limit)})
print("the other notebook answers", answer, "and has its own views:", spark.table("followers").count())

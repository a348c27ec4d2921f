# Databricks notebook source
from pyspark.sql.functions import *

df = spark.createDataFrame(
    [(1, "12k", "2020-01-02T03:04:05"), (2, "3M", "2018-12-31 23:59:59"), (3, "876", "2018-02-30 10:00:00"), (4, "User Info Error", None)],
    "ind INT, follower_count STRING, timestamp STRING",
)

# COMMAND ----------

# errors first, then numbers
cleaned = df.withColumn("follower_count", when(col("follower_count").rlike("error|Error"), None).otherwise(col("follower_count")))
cleaned = cleaned.withColumn("follower_count", regexp_replace("follower_count", "k", "000"))
cleaned = cleaned.withColumn("follower_count", regexp_replace("follower_count", "M", "000000"))
cleaned = cleaned.withColumn("follower_count", cleaned.follower_count.cast("int"))
print([row[0] for row in cleaned.orderBy("ind").select("follower_count").collect()])

# COMMAND ----------

dates = df.where("ind < 3").withColumn("timestamp", to_timestamp("timestamp"))
print([str(row[0]) for row in dates.orderBy("ind").select("timestamp").collect()])

# COMMAND ----------

# a month and a day without zeros: older runtimes ask for a setting
days = spark.createDataFrame([("2018-1-5",)], "day STRING").select(to_date("day", "yyyy-MM-dd"))
policy = spark.conf.get("spark.sql.legacy.timeParserPolicy")
try:
    print(days.first()[0])
except Exception as e:
    print("timeParserPolicy" in str(e))
spark.conf.set("spark.sql.legacy.timeParserPolicy", "LEGACY")
print(days.first()[0])
spark.conf.set("spark.sql.legacy.timeParserPolicy", policy)

# COMMAND ----------

# no day of that name, and a format that fits one row
print([str(row[0]) for row in df.orderBy("ind").select(to_timestamp("timestamp", "yyyy-MM-dd HH:mm:ss")).collect()])

# COMMAND ----------

# the letters are forgotten in one row
numbers = df.withColumn("follower_count", regexp_replace("follower_count", "k", "000"))
numbers = numbers.withColumn("follower_count", numbers["follower_count"].cast("int"))
print([row[0] for row in numbers.orderBy("ind").select("follower_count").collect()])

# COMMAND ----------

# empty numbers
print(df.withColumn("ind", when(col("ind") == "", None).otherwise(col("ind"))).count())

# Databricks notebook source
from pyspark.sql.functions import *
from pyspark.sql.types import *

# COMMAND ----------

df = spark.createDataFrame(
    [("art", "Albania", 10), ("art", "Aruba", 10), ("travel", "Aruba", 7), ("travel", "Aruba", 7)],
    StructType([StructField("category", StringType()), StructField("country", StringType()), StructField("followers", IntegerType())]),
)
result = df.groupBy("category").agg(countDistinct("country").alias("countries"), sumDistinct("followers").alias("followers"), approxCountDistinct("followers").alias("about"))
for row in result.orderBy("category").collect():
    print(row.category, row.countries, row.followers, row.about)

# COMMAND ----------

print(df.select(countDistinct("category", "country")).first()[0])

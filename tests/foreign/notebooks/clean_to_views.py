# Databricks notebook source
from pyspark.sql.functions import *

df_geo = spark.read.json("s3a://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.geo/partition=0/*.json")
df_geo = df_geo.withColumn("coordinates", array("latitude", "longitude")).drop("latitude", "longitude")
df_geo = df_geo.withColumn("timestamp", to_timestamp("timestamp"))
df_user = spark.read.json("s3a://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.user/partition=0/*.json")
df_user = df_user.withColumn("user_name", concat(col("first_name"), lit(" "), col("last_name")))

# COMMAND ----------

# for the notebook with the queries
df_geo.createOrReplaceGlobalTempView("gtv_geo")
df_user.createOrReplaceGlobalTempView("gtv_user")
df_geo.createOrReplaceTempView("only_here")

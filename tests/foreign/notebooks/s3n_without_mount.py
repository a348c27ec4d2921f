# Databricks notebook source
ACCESS_KEY = "AKIA0123456789EXAMPLE"
SECRET_KEY = "made+up/secret+of+the+project"

sc._jsc.hadoopConfiguration().set("fs.s3n.awsAccessKeyId", ACCESS_KEY)
sc._jsc.hadoopConfiguration().set("fs.s3n.awsSecretAccessKey", SECRET_KEY)

# COMMAND ----------

df_pin = spark.read.json("s3n://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.pin/partition=0/")
print(df_pin.count())

# COMMAND ----------

rdd = sc.textFile("s3n://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.geo/partition=0/*.json")
print(rdd.filter(lambda line: "Albania" in line).count())

# COMMAND ----------

import urllib.parse
secret = urllib.parse.quote(SECRET_KEY, safe="")
df_user = spark.read.json(f"s3n://{ACCESS_KEY}:{secret}@user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.user/")
df_user.select("ind", "age").write.mode("overwrite").parquet("s3n://user-0a1b2c3d4e5f-bucket/ages")
print(spark.read.parquet("s3n://user-0a1b2c3d4e5f-bucket/ages").where("ind = 7528").first()["age"])

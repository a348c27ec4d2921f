# Databricks notebook source
from pyspark.sql.functions import *
import urllib

# COMMAND ----------

# Define the path to the Delta table
delta_table_path = "dbfs:/user/hive/warehouse/authentication_credentials"
# Read the Delta table to a Spark DataFrame
aws_keys_df = spark.read.format("delta").load(delta_table_path)

ACCESS_KEY = aws_keys_df.select('Access key ID').collect()[0]['Access key ID']
SECRET_KEY = aws_keys_df.select('Secret access key').collect()[0]['Secret access key']
ENCODED_SECRET_KEY = urllib.parse.quote(string=SECRET_KEY, safe="")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT COUNT(*) AS users FROM authentication_credentials

# COMMAND ----------

AWS_S3_BUCKET = "user-0a1b2c3d4e5f-bucket"
MOUNT_NAME = "/mnt/from_keys_table"
SOURCE_URL = "s3n://{0}:{1}@{2}".format(ACCESS_KEY, ENCODED_SECRET_KEY, AWS_S3_BUCKET)
dbutils.fs.mount(SOURCE_URL, MOUNT_NAME)
df_user = spark.read.format("json").option("inferSchema", "true").load("/mnt/from_keys_table/topics/0a1b2c3d4e5f.user/partition=0/*.json")
print(df_user.count(), df_user.where("ind = 7528").first()["first_name"])
dbutils.fs.unmount(MOUNT_NAME)

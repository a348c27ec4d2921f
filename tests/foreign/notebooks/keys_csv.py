# Databricks notebook source
# MAGIC %md
# MAGIC The cluster's access mode is shared, so nothing can be mounted: the keys are in the address.

# COMMAND ----------

from pyspark.sql.functions import *
import urllib

# Define file type
file_type = "csv"
# Whether the file has a header
first_row_is_header = "true"
# Delimiter used in the file
delimiter = ","
# Read the CSV file to spark dataframe
aws_keys_df = spark.read.format(file_type)\
    .option("header", first_row_is_header)\
    .option("sep", delimiter)\
    .load("/FileStore/tables/authentication_credentials.csv")
aws_keys_df.columns

# COMMAND ----------

# Get the AWS access key and secret key from the spark dataframe
ACCESS_KEY = aws_keys_df.where(col('User name')=='databricks-user').select('Access key ID').collect()[0]['Access key ID']
SECRET_KEY = aws_keys_df.where(col('User name')=='databricks-user').select('Secret access key').collect()[0]['Secret access key']
# Encode the secret key
ENCODED_SECRET_KEY = urllib.parse.quote(string=SECRET_KEY, safe="")

# COMMAND ----------

AWS_S3_BUCKET = "user-0a1b2c3d4e5f-bucket"
df_geo = spark.read.json(f"s3a://{ACCESS_KEY}:{ENCODED_SECRET_KEY}@{AWS_S3_BUCKET}/topics/0a1b2c3d4e5f.geo/partition=0/*.json")
print(df_geo.count(), df_geo.select("country").where("ind = 7528").first()[0])

# COMMAND ----------

import csv

# the same file, read with Python
with open("/dbfs/FileStore/tables/authentication_credentials.csv") as file:
    for line in csv.DictReader(file):
        if line["User name"] == "databricks-user":
            print(line["Access key ID"] == ACCESS_KEY)

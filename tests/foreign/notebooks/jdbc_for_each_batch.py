# Databricks notebook source
from pyspark.sql.functions import *

schema = "ind INT, timestamp TIMESTAMP, latitude FLOAT, longitude FLOAT, country STRING"
df_geo = (
    spark.readStream.format("kinesis")
    .option("streamName", "streaming-0a1b2c3d4e5f-geo")
    .option("region", "us-east-1")
    .option("initialPosition", "trim_horizon")
    .option("awsAccessKey", "AKIA0123456789EXAMPLE")
    .option("awsSecretKey", "made+up/secret+of+the+project")
    .load()
    .select(from_json(col("data").cast("string"), schema).alias("geo"))
    .select("geo.*")
)

# COMMAND ----------

url = "jdbc:mysql://pinterest-data.c0ffee123456.us-east-1.rds.amazonaws.com:3306/pinterest_data"
properties = {"user": "project_user", "password": "project_password", "driver": "com.mysql.cj.jdbc.Driver"}

def write_to_mysql(batch_df, batch_id):
    batch_df = batch_df.dropDuplicates(["ind"])
    batch_df.write.jdbc(url=url, table="geo_from_kinesis", mode="append", properties=properties)

query = df_geo.writeStream.foreachBatch(write_to_mysql).option("checkpointLocation", "/tmp/jdbc/_checkpoint").trigger(availableNow=True).start()
query.awaitTermination()

# COMMAND ----------

written = spark.read.jdbc(url=url, table="geo_from_kinesis", properties=properties)
print(written.count())
print(written.where("ind = 7528").select("country", "timestamp").first())

# COMMAND ----------

oldest = "(SELECT country, COUNT(*) AS n FROM geo_from_kinesis WHERE YEAR(timestamp) >= 2020 GROUP BY country) AS counts"
print(spark.read.format("jdbc").option("url", url).option("dbtable", oldest).option("user", properties["user"]).option("password", properties["password"]).load().agg(sum("n")).first()[0])

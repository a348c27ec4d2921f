# Databricks notebook source
from pyspark.sql.functions import *
from pyspark.sql.types import *

# COMMAND ----------

# one stream for pin, geo and user: the partition key says which
df = (
    spark.readStream
    .format("kinesis")
    .option("streamName", "streaming-0a1b2c3d4e5f-all")
    .option("initialPosition", "earliest")
    .option("region", "us-east-1")
    .option("awsAccessKey", "AKIA0123456789EXAMPLE")
    .option("awsSecretKey", "made+up/secret+of+the+project")
    .load()
)
df.printSchema()

# COMMAND ----------

pin_schema = "index INT, unique_id STRING, title STRING, follower_count STRING, category STRING"
geo_schema = "ind INT, timestamp TIMESTAMP, latitude FLOAT, longitude FLOAT, country STRING"
user_schema = "ind INT, first_name STRING, last_name STRING, age INT, date_joined TIMESTAMP"

def split(batch_df, batch_id):
    rows = batch_df.selectExpr("partitionKey", "CAST(data AS STRING) AS json")
    df_pin = rows.filter(rows.partitionKey == "pin").select(from_json("json", pin_schema).alias("row")).select("row.*").withColumnRenamed("index", "ind")
    df_geo = rows.filter(rows.partitionKey == "geo").select(from_json("json", geo_schema).alias("row")).select("row.*")
    df_user = rows.filter(rows.partitionKey == "user").select(from_json("json", user_schema).alias("row")).select("row.*")
    df_pin.write.mode("append").saveAsTable("one_stream_pin")
    df_geo.write.mode("append").saveAsTable("one_stream_geo")
    df_user.write.mode("append").saveAsTable("one_stream_user")

# COMMAND ----------

query = df.writeStream.foreachBatch(split).option("checkpointLocation", "/tmp/one_stream/_checkpoints/").trigger(availableNow=True).start()
query.awaitTermination()

# COMMAND ----------

for name in ["pin", "geo", "user"]:
    rows = spark.table(f"one_stream_{name}")
    print(name, rows.count(), rows.where("ind IS NULL").count())
print(spark.table("one_stream_geo").agg(max(year("timestamp"))).first()[0])

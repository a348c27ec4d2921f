# Databricks notebook source
from pyspark.sql.functions import *

@udf("long")
def double(n):
    return 2 * n

def upsert(batch_df, batch_id):
    batch_df.withColumn("twice", double("value")).write.format("delta").mode("append").saveAsTable("neighbour")

query = (
    spark.readStream.format("rate").option("rowsPerSecond", 20).load()
    .writeStream.foreachBatch(upsert)
    .option("checkpointLocation", "/tmp/neighbour/_checkpoint")
    .trigger(processingTime="500 milliseconds")
    .start()
)

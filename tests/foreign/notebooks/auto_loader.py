# Databricks notebook source
checkpoint_path = "/tmp/auto_loader/_checkpoint"
source = "s3a://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.pin/"

query = (spark.readStream
    .format("cloudFiles")
    .option("cloudFiles.format", "json")
    .option("cloudFiles.schemaLocation", checkpoint_path)
    .option("cloudFiles.schemaHints", "index INT")
    .load(source)
    .writeStream
    .option("checkpointLocation", checkpoint_path)
    .trigger(availableNow=True)
    .toTable("pins_auto_loader"))
query.awaitTermination()

# COMMAND ----------

df = spark.table("pins_auto_loader")
print(df.count(), df.where("_rescued_data IS NOT NULL").count())
print(dict(df.dtypes)["index"], dict(df.dtypes)["downloaded"], dict(df.dtypes)["partition"])
print(df.where("index IS NULL").select("_rescued_data").first())

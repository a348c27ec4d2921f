# Databricks notebook source
# MAGIC %md
# MAGIC # The streams: from Kinesis to live metrics
# MAGIC
# MAGIC The emulator puts the three rows of a post into three Kinesis streams. The job
# MAGIC `spark/jobs/run_stream.py` reads them all the time: it cleans their records by the functions of the
# MAGIC batch pipeline, merges them into tables of its own, and keeps the live metrics. This notebook shows
# MAGIC what arrives and what the job writes. It writes nothing, so it may run at the same time as the job.

# COMMAND ----------

# DBTITLE 1,Parameters
from contract import names
from contract.settings import Settings

settings = Settings.from_environ()
spark.conf.set("spark.sql.ansi.enabled", "true")  # as the jobs, whatever the cluster's runtime is
dbutils.widgets.text("user_id", settings.user_id, "User id")
dbutils.widgets.text("tables", settings.streaming_root, "Folder of the tables")
dbutils.widgets.text("position", "trim_horizon", "Where reading begins")
user_id, root = dbutils.widgets.get("user_id"), dbutils.widgets.get("tables")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What arrives
# MAGIC
# MAGIC Databricks provides the format `kinesis`; elsewhere the first lines add it. All records that the
# MAGIC stream of the pins still holds are read once, into memory.

# COMMAND ----------

from contract.entities import ENTITIES, PIN
from spark.pipeline.sources.kinesis import register

register(spark, settings)
arriving = (
    spark.readStream.format("kinesis")
    .option("streamName", names.stream(user_id, PIN))
    .option("region", settings.aws_region)
    .option("initialPosition", dbutils.widgets.get("position"))
    .load()
)
query = arriving.writeStream.format("memory").queryName("arrived").trigger(availableNow=True).start()
query.awaitTermination()

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT partitionKey, CAST(data AS STRING) AS data, shardId, sequenceNumber,
# MAGIC        approximateArrivalTimestamp
# MAGIC FROM arrived ORDER BY approximateArrivalTimestamp DESC LIMIT 5

# COMMAND ----------

# MAGIC %md
# MAGIC ## The cleaned rows
# MAGIC
# MAGIC The functions are those of the batch pipeline; only the form of a record's position differs.

# COMMAND ----------

from spark.pipeline.schemas import CLEANED
from spark.pipeline.streaming.sink import prepared

good = prepared(spark.table("arrived"), PIN).where("rule is null")
display(good.select(CLEANED[PIN].names).limit(5))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The tables of the job

# COMMAND ----------

from spark.pipeline.streaming.sink import StreamLocation
from spark.pipeline.delta.tables import Table

locations = [StreamLocation.of(entity, user_id, root) for entity in ENTITIES]
counts = {location.entity.name: location.table.read(spark).count() for location in locations}
Table(f"{root}/{names.live_table(user_id)}").read(spark).createOrReplaceTempView("live")
display(spark.createDataFrame(list(counts.items()), ["entity", "rows"]))

# COMMAND ----------

# DBTITLE 1,Posts of the last minute and the last hour
# MAGIC %sql
# MAGIC SELECT stream, window, value AS posts, end FROM live WHERE metric = 'posts' ORDER BY stream, window

# COMMAND ----------

# DBTITLE 1,Leaders
# MAGIC %sql
# MAGIC SELECT metric, window, rank, label, value AS posts FROM live
# MAGIC WHERE metric IN ('category', 'country') AND rank <= 3
# MAGIC ORDER BY metric, window, rank

# COMMAND ----------

# DBTITLE 1,Freshness, in milliseconds from arrival to table
# MAGIC %sql
# MAGIC SELECT stream, label, value FROM live WHERE metric = 'freshness' ORDER BY stream, value

# COMMAND ----------

import json

dbutils.notebook.exit(json.dumps(counts))

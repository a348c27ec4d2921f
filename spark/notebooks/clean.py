# Databricks notebook source
# MAGIC %md
# MAGIC # Cleaning: from objects to three tables
# MAGIC
# MAGIC The S3 sink stores what the emulator sends as objects, one JSON document a line, a topic for each
# MAGIC of the three rows of a post. This notebook reads the new objects, cleans their records
# MAGIC and merges them into three Delta tables, one row per key. Records that cannot be cleaned go to a
# MAGIC quarantine table with their text, their position and the reason.
# MAGIC
# MAGIC It is the first half of the job `spark/jobs/run_batch.py`, by the same functions, with the same lock
# MAGIC and the same checkpoints: the two may run in any order and any number of times.

# COMMAND ----------

# DBTITLE 1,Parameters
from contract import names
from contract.settings import Settings

settings = Settings.from_environ()
spark.conf.set("spark.sql.ansi.enabled", "true")  # as the jobs, whatever the cluster's runtime is
dbutils.widgets.text("user_id", settings.user_id, "User id")
user_id = dbutils.widgets.get("user_id")
bucket = names.bucket(user_id)
dbutils.widgets.text("objects", f"s3://{bucket}/{names.TOPICS_DIR}", "Folder of the topics")
dbutils.widgets.text("tables", settings.batch_root, "Folder of the tables")
objects, root = dbutils.widgets.get("objects"), dbutils.widgets.get("tables")

# COMMAND ----------

# DBTITLE 1,Objects of the topics
display(dbutils.fs.ls(objects))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What cleaning does
# MAGIC
# MAGIC A few pins as they were sent, and as they are after cleaning: `index` is `ind`, the scraper's
# MAGIC placeholders and blanks are null, `12k` is 12000, and the location is a path.

# COMMAND ----------

from contract.entities import PIN
from spark.pipeline.cleaning import clean
from spark.pipeline.sources.objects import records, stored
from spark.pipeline.parse import good, parse

sent = parse(records(stored(spark.read, f"{objects}/{names.topic(user_id, PIN)}")), PIN)
display(good(sent).drop("position").orderBy("index").limit(5))
display(clean(good(sent), PIN).drop("position").orderBy("ind").limit(5))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Into the tables
# MAGIC
# MAGIC One run writes at a time; a second one waits for the first. If a run is stopped in the middle, the
# MAGIC next run reads its objects again, and nothing is written twice.

# COMMAND ----------

from contract.entities import ENTITIES
from spark.pipeline.batch.ingest import BatchLocation, ingest
from spark.pipeline.delta.lock import writer_lock

locations = [BatchLocation.of(entity, user_id, objects, root) for entity in ENTITIES]
with writer_lock(root, settings.aws_region, wait=600) as check_lock:
    counts = ingest(spark, locations, check_lock)

columns = ["entity", "objects", "records", "good", "quarantined", "table_rows"]
display(spark.createDataFrame([[getattr(c, name) for name in columns] for c in counts], columns))

# COMMAND ----------

# DBTITLE 1,The tables as views
for location in locations:
    location.table.read(spark).createOrReplaceTempView(f"df_{location.entity.name}")
    location.quarantine.read(spark).createOrReplaceTempView(f"quarantine_{location.entity.name}")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT * FROM df_pin ORDER BY ind LIMIT 10

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT * FROM df_geo ORDER BY ind LIMIT 10

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT * FROM df_user ORDER BY ind LIMIT 10

# COMMAND ----------

# MAGIC %md
# MAGIC ## Quarantined records

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT 'pin' AS entity, rule, reason, raw, object, line FROM quarantine_pin
# MAGIC UNION ALL
# MAGIC SELECT 'geo', rule, reason, raw, object, line FROM quarantine_geo
# MAGIC UNION ALL
# MAGIC SELECT 'user', rule, reason, raw, object, line FROM quarantine_user
# MAGIC ORDER BY object, line

# COMMAND ----------

import json

dbutils.notebook.exit(json.dumps({c.entity: c.table_rows for c in counts}))

# Databricks notebook source
# MAGIC %md
# MAGIC # A report
# MAGIC over posts that lie in a mounted bucket

# COMMAND ----------

# DBTITLE 1,What it is called with
dbutils.widgets.text("bucket", "")
dbutils.widgets.dropdown("least", "2", ["1", "2"])
bucket = dbutils.widgets.get("bucket")
print("least", dbutils.widgets.get("least"))

# COMMAND ----------

# MAGIC %pip install boto3 \
# MAGIC   pyspark  # both are installed

# COMMAND ----------

# MAGIC %run ./lib/shared $name="posts"

# COMMAND ----------

secret = dbutils.secrets.get(scope="aws", key="secret-key")
print("secret", secret)
mounts = [m.mountPoint for m in dbutils.fs.mounts()]
if "/mnt/posts" not in mounts:
    dbutils.fs.mount(f"s3n://key:{secret}@{bucket}", "/mnt/posts")
display(dbutils.fs.ls("/mnt/posts/topics"))

# COMMAND ----------

posts = spark.read.json("/mnt/posts/topics/*.json")
posts.createOrReplaceTempView(view_name)
posts.orderBy("index").display()

# COMMAND ----------

# MAGIC %sql
# MAGIC -- the first result is not shown; it ends here
# MAGIC CREATE OR REPLACE TEMP VIEW counted AS
# MAGIC   SELECT category, count(*) AS n FROM posts GROUP BY category;
# MAGIC SELECT * FROM counted WHERE n >= :least AND category <> ';' ORDER BY category

# COMMAND ----------

leaders = _sqldf.collect()
display(leaders)
displayHTML(f"<b>{len(leaders)} categories</b>")

# COMMAND ----------

# To pandas, from it, and a function over its series.
import pandas as pd
from pyspark.sql.functions import pandas_udf


@pandas_udf("string")
def shouted(words: pd.Series) -> pd.Series:
    return words.str.upper()


frame = posts.orderBy("index").toPandas()
frame["next"] = frame["index"] + 10
loud = spark.createDataFrame(frame).select(shouted("category").alias("loud"), "next")
display(loud.orderBy("next").toPandas())

# COMMAND ----------

# Files of DBFS, by each of their names.
dbutils.fs.put("/FileStore/notes.txt", "one\n", True)
with open("/dbfs/FileStore/notes.txt", "a") as file:
    file.write("two\n")
assert dbutils.fs.head("dbfs:/FileStore/notes.txt") == "one\ntwo\n"
assert list(pd.read_csv("/dbfs/FileStore/notes.txt")["one"]) == ["two"]
assert spark.read.text("dbfs:/FileStore/notes.txt").count() == 2
posts.write.format("delta").mode("overwrite").save("/tables/posts")
assert spark.read.format("delta").load("dbfs:/tables/posts").count() == 3
dbutils.fs.cp("/FileStore/notes.txt", "/mnt/posts/notes.txt")
dbutils.fs.rm("/FileStore/notes.txt")

# COMMAND ----------

double = spark.udf.register("double", lambda n: n * 2, "long")
context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()
assert dbutils.notebook.entry_point.getCurrentBindings()["bucket"] == bucket
shout = dbutils.notebook.run("lib/shout", 60, {"word": leaders[0].category})
dbutils.jobs.taskValues.set("rows", posts.count())
spark.sql("select double(21) as answer").first().answer

# COMMAND ----------

dbutils.notebook.exit(f"{shout} {context.notebookPath().get()} {context.tags().get('jobId').get()}")

# COMMAND ----------

raise AssertionError("never reached")

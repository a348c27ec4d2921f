# Databricks notebook source
# What a new workspace has, and addresses and names as notebooks from elsewhere spell them.
for path in ("/tmp", "/FileStore", "/mnt", "/user/hive/warehouse", "/Volumes"):
    dbutils.fs.ls(path)

# COMMAND ----------

spark.range(3).write.mode("overwrite").json("/tmp/relative_probe")
assert spark.read.json("tmp/relative_probe").count() == 3
assert spark.read.json("dbfs:/tmp/relative_probe").count() == 3

# COMMAND ----------

try:
    dbutils.fs.mount("s3a://AKIAEXAMPLE:ab/cd@bucket", "/mnt/raw_slash")
except Exception as error:
    assert "AKIAEXAMPLE" not in str(error) and "cd@" not in str(error)
else:
    raise AssertionError("mounted")
assert "/mnt/raw_slash" not in [mount.mountPoint for mount in dbutils.fs.mounts()]

# COMMAND ----------

bucket = dbutils.widgets.get("bucket")
for start in ("s3n://", "s3a://AKIAEXAMPLE:quietkey%2Fkey@", "s3a://AKIAEXAMPLE:quietkey/key@"):
    frame = spark.read.json(f"{start}{bucket}/topics/*.json")
    assert frame.count() == 3
    print(frame._jdf.queryExecution().toString(), frame.inputFiles())
    try:
        spark.read.json(f"{start}{bucket}/none")
    except Exception as error:
        print(error)

# COMMAND ----------

# Below a mount a commit is conditional, and one process sees what another has written.
dbutils.fs.mount(f"s3n://AKIAEXAMPLE:quietkey%2Fkey@{bucket}", "/mnt/lake")
for _ in range(2):
    spark.range(2).write.format("delta").mode("append").save("/mnt/lake/tables/numbers")
assert spark.read.format("delta").load("dbfs:/mnt/lake/tables/numbers").count() == 4
assert spark.read.format("delta").load(f"s3://{bucket}/tables/numbers").count() == 4
names = [one.name for one in dbutils.fs.ls("/mnt/lake/tables/numbers/_delta_log")]
assert "00000000000000000001.json" in names, names
dbutils.fs.unmount("/mnt/lake")

# COMMAND ----------

spark.sql("CREATE VOLUME IF NOT EXISTS workspace.default.keys")
dbutils.fs.put("/Volumes/workspace/default/keys/k.csv", "User name,Access key ID\nme,test\n", True)
with open("/Volumes/workspace/default/keys/k.csv") as file:
    assert file.readline() == "User name,Access key ID\n"
spark.sql("USE CATALOG workspace")
df = spark.read.csv("/Volumes/workspace/default/keys/k.csv", header=True)
df = df.withColumnsRenamed({"User name": "name", "Access key ID": "id"})
df.write.mode("overwrite").saveAsTable("workspace.default.keys_t")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT current_catalog(), count(*) AS n FROM main.default.keys_t

# COMMAND ----------

dbutils.notebook.exit(f"{spark.table('default.keys_t').count()} {spark.catalog.currentCatalog()}")

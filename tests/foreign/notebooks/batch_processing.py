# Databricks notebook source
from pyspark.sql.functions import *
import urllib

# COMMAND ----------

# MAGIC %md
# MAGIC # Mount the S3 bucket

# COMMAND ----------

# Read the credentials that were uploaded with "Create table"
aws_keys_df = spark.read.format("csv").option("header", "true").option("sep", ",").load("/FileStore/tables/authentication_credentials.csv")
ACCESS_KEY = aws_keys_df.select("Access key ID").collect()[0]["Access key ID"]
SECRET_KEY = aws_keys_df.select("Secret access key").collect()[0]["Secret access key"]
ENCODED_SECRET_KEY = urllib.parse.quote(string=SECRET_KEY, safe="")

AWS_S3_BUCKET = "user-0a1b2c3d4e5f-bucket"
MOUNT_NAME = "/mnt/pinterest_bucket"
SOURCE_URL = "s3n://{0}:{1}@{2}".format(ACCESS_KEY, ENCODED_SECRET_KEY, AWS_S3_BUCKET)

if not any(mount.mountPoint == MOUNT_NAME for mount in dbutils.fs.mounts()):
    dbutils.fs.mount(SOURCE_URL, MOUNT_NAME)

# COMMAND ----------

# the same with s3a
try:
    dbutils.fs.mount(f"s3a://{ACCESS_KEY}:{ENCODED_SECRET_KEY}@{AWS_S3_BUCKET}", "/mnt/pinterest_s3a")
except Exception as e:
    if "Directory already mounted" not in str(e):
        raise e
display(dbutils.fs.ls("/mnt/pinterest_s3a/topics/0a1b2c3d4e5f.user/partition=0/"))

# COMMAND ----------

# MAGIC %sql
# MAGIC SET spark.databricks.delta.formatCheck.enabled=false

# COMMAND ----------

# Asterisk(*) indicates reading all the content of the specified file that have .json extension
file_location = "/mnt/pinterest_bucket/topics/0a1b2c3d4e5f.pin/partition=0/*.json"
file_type = "json"
# Ask Spark to infer the schema
infer_schema = "true"
df_pin = spark.read.format(file_type) \
    .option("inferSchema", infer_schema) \
    .load(file_location)
df_geo = spark.read.format(file_type).option("inferSchema", infer_schema).load("/mnt/pinterest_bucket/topics/0a1b2c3d4e5f.geo/partition=0/*.json")
df_user = spark.read.format(file_type).option("inferSchema", infer_schema).load("/mnt/pinterest_s3a/topics/0a1b2c3d4e5f.user/partition=0/*.json")
display(df_pin)

# COMMAND ----------

df_pin = df_pin.dropDuplicates(["index"])
df_pin = df_pin.replace({"User Info Error": None}, subset=["follower_count", "poster_name"])
df_pin = df_pin.replace({"No Title Data Available": None}, subset=["title"])
df_pin = df_pin.replace({"Image src error.": None}, subset=["image_src"])
df_pin = df_pin.withColumn("follower_count", regexp_replace("follower_count", "k", "000"))
df_pin = df_pin.withColumn("follower_count", regexp_replace("follower_count", "M", "000000"))
df_pin = df_pin.withColumn("follower_count", df_pin["follower_count"].cast("int"))
df_pin = df_pin.withColumn("save_location", regexp_replace("save_location", "Local save in ", ""))
df_pin = df_pin.withColumnRenamed("index", "ind")
df_pin = df_pin.select("ind", "unique_id", "title", "description", "follower_count", "poster_name", "tag_list", "is_image_or_video", "image_src", "save_location", "category")
df_pin.printSchema()

# COMMAND ----------

df_geo = df_geo.dropDuplicates(["ind"])
df_geo = df_geo.withColumn("coordinates", array("latitude", "longitude"))
df_geo = df_geo.drop("latitude", "longitude")
df_geo = df_geo.withColumn("timestamp", to_timestamp("timestamp"))
df_geo = df_geo.select("ind", "country", "coordinates", "timestamp")

df_user = df_user.dropDuplicates(["ind"])
df_user = df_user.withColumn("user_name", concat(col("first_name"), lit(" "), col("last_name")))
df_user = df_user.drop("first_name", "last_name")
df_user = df_user.withColumn("date_joined", to_timestamp("date_joined"))
df_user = df_user.select("ind", "user_name", "age", "date_joined")

# COMMAND ----------

df_pin.createOrReplaceTempView("pin")
df_geo.createOrReplaceTempView("geo")
df_user.createOrReplaceTempView("user")

# COMMAND ----------

# the example of the README
display(spark.sql("SELECT pin.ind, pin.title, pin.follower_count, pin.save_location, geo.country, geo.timestamp, user.user_name FROM pin JOIN geo ON pin.ind = geo.ind JOIN user ON pin.ind = user.ind WHERE pin.ind = 7528"))

# COMMAND ----------

# MAGIC %sql
# MAGIC -- most popular category in each country
# MAGIC SELECT country, category, category_count FROM (
# MAGIC   SELECT country, category, COUNT(category) AS category_count,
# MAGIC     RANK() OVER (PARTITION BY country ORDER BY COUNT(category) DESC) AS category_rank
# MAGIC   FROM pin JOIN geo ON pin.ind = geo.ind GROUP BY country, category)
# MAGIC WHERE category_rank = 1 ORDER BY country

# COMMAND ----------

from pyspark.sql.window import Window

age_groups = df_user.withColumn("age_group", when(col("age").between(18, 24), "18-24").when(col("age").between(25, 35), "25-35").when(col("age").between(36, 50), "36-50").otherwise("50+"))
joined = age_groups.join(df_pin, "ind")
display(joined.groupBy("age_group").agg(percentile_approx("follower_count", 0.5).alias("median_follower_count")))

# COMMAND ----------

df_pin.write.mode("overwrite").saveAsTable("cleaned_pins")
dbutils.fs.unmount("/mnt/pinterest_s3a")

"""Prints the folder for temporary files, and the places of a JVM's file, a table and artifacts."""

import os

from spark.pipeline.session import session

spark = session("leave files")
jvm = spark.sparkContext._jvm
assert jvm is not None
print(os.environ["SPARK_LOCAL_DIRS"])
print(jvm.java.io.File.createTempFile("left", ".tmp").getPath())
spark.range(1).write.saveAsTable("left")
print(spark.sql("DESCRIBE DETAIL left").head()["location"].removeprefix("file:"))
folder = jvm.java.lang.System.getProperty("java.io.tmpdir")
print(jvm.org.apache.spark.util.Utils.createTempDir(folder, "artifacts").getPath())

# Databricks notebook source
from pyspark.sql import SQLContext, Row

rdd = sc.parallelize([("art", 3), ("travel", 5), ("art", 4)])
totals = rdd.reduceByKey(lambda a, b: a + b).map(lambda pair: Row(category=pair[0], n=pair[1]))
df = sqlContext.createDataFrame(totals)
df.registerTempTable("totals")

# COMMAND ----------

sqlContext.sql("SELECT category, n FROM totals ORDER BY n DESC, category").show()

# COMMAND ----------

sqlContext.registerFunction("shout", lambda text: text.upper() + "!") if hasattr(sqlContext, "registerFunction") else sqlContext.udf.register("shout", lambda text: text.upper() + "!")
sqlContext.setConf("spark.sql.shuffle.partitions", "3")
print(sqlContext.sql("SELECT shout(category) FROM totals WHERE n = 5").first()[0], sqlContext.getConf("spark.sql.shuffle.partitions"))

# COMMAND ----------

print(sqlContext.table("totals").count(), "totals" in sqlContext.tableNames(), SQLContext.getOrCreate(sc).range(4).count())

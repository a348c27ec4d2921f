# Databricks notebook source
import pandas as pd
import pyspark.pandas as ps

# COMMAND ----------

psdf = ps.read_json("s3a://user-0a1b2c3d4e5f-bucket/topics/0a1b2c3d4e5f.user/partition=0/*.json")
print(psdf.shape)

# COMMAND ----------

psdf = ps.DataFrame({"country": ["Albania", "Aruba", "Albania"], "age": [20, 33, 40], "joined": ["2015-10-24", "2016-09-14", "2017-01-01"]})
psdf["joined"] = ps.to_datetime(psdf["joined"])
psdf["year"] = psdf["joined"].dt.year
ages = psdf.groupby("country")["age"].mean().sort_index()
print(ages.to_dict())

# COMMAND ----------

# rows of a second day
more = psdf.append(ps.DataFrame({"country": ["Cuba"], "age": [50], "joined": [pd.Timestamp("2018-05-05")], "year": [2018]}), ignore_index=True)
print(len(more), more["year"].max())

# COMMAND ----------

df = psdf.to_spark()
pdf = df.toPandas()
print(sorted(pdf["country"].unique()), df.pandas_api()["age"].sum())

# COMMAND ----------

ps.sql("SELECT country, COUNT(*) AS n FROM {psdf} GROUP BY country ORDER BY n DESC LIMIT 1", psdf=psdf)

# Databricks notebook source
numbers = sc.parallelize(range(10)).map(lambda n: n * n)
print(numbers.sum())

# COMMAND ----------

# leave nothing running
sc.stop()

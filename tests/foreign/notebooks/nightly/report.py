# Databricks notebook source
import humanize

rows = dbutils.jobs.taskValues.get(taskKey="clean", key="rows", default=0)
total = spark.sql("SELECT category, SUM(pins) AS pins FROM nightly_pins GROUP BY category").first()
print(humanize.VERSION, rows, total.category, total.pins)

# Databricks notebook source
from pyspark.sql.functions import *

calls = 0

def clean_follower_count(df):
    global calls
    calls += 1
    df = df.withColumn("follower_count", regexp_replace("follower_count", "k", "000"))
    df = df.withColumn("follower_count", regexp_replace("follower_count", "M", "000000"))
    return df.withColumn("follower_count", col("follower_count").cast("int"))

"""The sources of both pipelines: objects, streams, and Databricks' ``kinesis`` for open Spark."""

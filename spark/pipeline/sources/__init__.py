"""Hop S, Databricks' streaming sources: what open Spark lacks of them."""

"""Names of the bucket, topics and tables: those of ``contract.names``, which MWAA doesn't have.

A unit test compares the two modules.
"""

import os

USER_ID = os.environ.get("AIRFLOW_VAR_USER_ID") or "0a1b2c3d4e5f"
"""User id, part of every name: Airflow's variable ``user_id``, read without a query."""

REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
"""AWS region of this Airflow, of the bucket and of the streams."""

INSTANCE_PROFILE = os.environ.get("AIRFLOW_VAR_INSTANCE_PROFILE_ARN") or ""
"""ARN of the instance profile with which Databricks' clusters reach S3; empty on this machine."""

WHEEL = os.environ.get("AIRFLOW_VAR_WHEEL") or ""
"""Wheel that the jobs import, in the workspace; empty where the jobs' environment has it."""

BUCKET = f"user-{USER_ID}-bucket"
"""Bucket of the S3 sink and of the Delta tables."""

TOPIC_PREFIXES = tuple(f"topics/{USER_ID}.{entity}/" for entity in ("pin", "geo", "user"))
"""Prefixes of the objects of each topic; below them are ``partition=<n>/``."""

TABLES_URI = f"s3://{BUCKET}/delta/batch"
"""URI below which the batch job stores its Delta tables."""

ALERTS_PREFIX = "alerts/"
"""Prefix of the objects that report failures."""

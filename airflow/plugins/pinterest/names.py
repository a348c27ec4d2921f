"""Names of what the DAG meets: those of ``contract.names``, which MWAA doesn't have.

A test of the contract holds the two against each other.
"""

from __future__ import annotations

import os

USER_ID = os.environ.get("AIRFLOW_VAR_USER_ID") or "0a1b2c3d4e5f"
"""Id that every name carries: Airflow's variable ``user_id``, read where it costs no query."""

REGION = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
"""AWS region of this Airflow, of the bucket and of the streams."""

INSTANCE_PROFILE = os.environ.get("AIRFLOW_VAR_INSTANCE_PROFILE_ARN") or ""
"""ARN of the instance profile with which Databricks' clusters reach S3; here there is none."""

WHEEL = os.environ.get("AIRFLOW_VAR_WHEEL") or ""
"""Wheel of what the jobs import, in the workspace; here the jobs' environment has it already."""

BUCKET = f"user-{USER_ID}-bucket"
"""Bucket of the S3 sink and of the Delta tables."""

TOPIC_PREFIXES = tuple(f"topics/{USER_ID}.{entity}/" for entity in ("pin", "geo", "user"))
"""Prefixes of the objects of each topic; below them are ``partition=<n>/``."""

TABLES_URI = f"s3://{BUCKET}/delta/batch"
"""URI below which the batch job keeps its Delta tables."""

ALERTS_PREFIX = "alerts/"
"""Prefix of the objects that tell of failures."""

#!/bin/sh
# MWAA runs this in every container before Airflow starts; here services/airflow/run.sh sources it. It changes no
# variable that is set, so it may run twice. For another user id on MWAA, change the default.

# Airflow's variable `user_id`, as an environment variable: the DAG reads it at each parse without a query.
export AIRFLOW_VAR_USER_ID="${AIRFLOW_VAR_USER_ID:-${USER_ID:-0a1b2c3d4e5f}}"

# Settings of the jobs' clusters in a Databricks workspace (docs/running-on-databricks.md). Empty here: the jobs run on
# this machine, with its credentials and this checkout.
export AIRFLOW_VAR_INSTANCE_PROFILE_ARN="${AIRFLOW_VAR_INSTANCE_PROFILE_ARN:-}"
export AIRFLOW_VAR_WHEEL="${AIRFLOW_VAR_WHEEL:-}"

#!/usr/bin/env bash
# The Databricks Jobs API: starts the Spark jobs that Airflow submits.
# Settings: DATABRICKS_TOKEN or DATABRICKS_TOKEN_FILE, DATABRICKS_LISTEN and the others of contract/settings.py. Jobs
# inherit the environment of this service, so it also needs the jobs' settings.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Airflow reads the token from this file. Without DATABRICKS_TOKEN the first start generates it.
if [[ -n ${DATABRICKS_TOKEN_FILE:-} ]]; then
  source services/secret.sh
  keep_secret "$DATABRICKS_TOKEN_FILE" "${DATABRICKS_TOKEN:-}"
fi
exec python -m services.databricks --data "${RUN_DIR:-.run}/data/jobs_api"

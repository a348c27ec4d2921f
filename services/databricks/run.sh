#!/usr/bin/env bash
# The Databricks Jobs API: starts the Spark jobs that Airflow submits.
# Settings: JOBS_API_TOKEN or JOBS_API_TOKEN_FILE, JOBS_API_LISTEN and the others of contract/settings.py; a
# job sees the environment of this service, so it needs the jobs' settings, too.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Airflow reads the token there. One that nobody gave is made at the first start.
if [[ -n ${JOBS_API_TOKEN_FILE:-} ]]; then
  source services/secret.sh
  keep_secret "$JOBS_API_TOKEN_FILE" "${JOBS_API_TOKEN:-}"
fi
exec python -m services.databricks --data "${RUN_DIR:-.run}/data/jobs_api"

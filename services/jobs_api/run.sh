#!/usr/bin/env bash
# The Databricks Jobs API: starts the Spark jobs that Airflow submits.
# Settings: JOBS_API_TOKEN, JOBS_API_LISTEN and the others of contract/settings.py; a job sees the
# environment of this service, so it needs the jobs' settings, too.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.jobs_api --data "${RUN_DIR:-.run}/data/jobs_api"

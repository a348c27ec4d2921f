#!/usr/bin/env bash
# The Databricks Jobs API: starts the Spark jobs that Airflow submits.
# Settings: JOBS_API_TOKEN or JOBS_API_TOKEN_FILE, JOBS_API_LISTEN and the others of contract/settings.py; a
# job sees the environment of this service, so it needs the jobs' settings, too.
set -euo pipefail
cd "$(dirname "$0")/../.."

file=${JOBS_API_TOKEN_FILE:-}
# A token that nobody gave is made at the first start, and kept.
if [[ -z ${JOBS_API_TOKEN:-} && -n $file && ! -s $file ]]; then
  mkdir -p "$(dirname "$file")"
  python -c 'import secrets; print(secrets.token_urlsafe(32))' >"$file.new"
  chmod 444 "$file.new"
  mv "$file.new" "$file"
fi
exec python -m services.jobs_api --data "${RUN_DIR:-.run}/data/jobs_api"

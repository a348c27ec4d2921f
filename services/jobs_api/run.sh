#!/usr/bin/env bash
# The Databricks Jobs API: starts the Spark jobs that Airflow submits.
# Settings: JOBS_API_TOKEN or JOBS_API_TOKEN_FILE, JOBS_API_LISTEN and the others of contract/settings.py; a
# job sees the environment of this service, so it needs the jobs' settings, too.
set -euo pipefail
cd "$(dirname "$0")/../.."

file=${JOBS_API_TOKEN_FILE:-}
# Airflow reads the token there. One that nobody gave is made at the first start, and kept.
if [[ -n $file && (-n ${JOBS_API_TOKEN:-} || ! -s $file) ]]; then
  mkdir -p "$(dirname "$file")"
  token=${JOBS_API_TOKEN:-$(head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')}
  rm -f "$file.new"
  printf '%s\n' "$token" >"$file.new"
  chmod 444 "$file.new"
  mv -f "$file.new" "$file"
fi
exec python -m services.jobs_api --data "${RUN_DIR:-.run}/data/jobs_api"

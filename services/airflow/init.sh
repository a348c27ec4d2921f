#!/usr/bin/env bash
# Makes Airflow's keys, once, and its tables in the metadata database. Idempotent.
set -euo pipefail
cd "$(dirname "$0")/../.."
secrets=${RUN_DIR:-.run}/data/airflow/secrets
if [[ ! -d $secrets ]]; then
  rm -rf "$secrets.new"
  mkdir -p "$secrets.new"
  for name in fernet_key secret_key jwt_secret; do
    head -c 32 /dev/urandom | base64 | tr '+/' '-_' >"$secrets.new/$name"
  done
  chmod -R go= "$secrets.new"
  mv "$secrets.new" "$secrets"
fi
source services/airflow/environment.sh
exec airflow db migrate

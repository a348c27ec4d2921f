#!/usr/bin/env bash
# Creates Airflow's keys, once, and its tables in the metadata database. Idempotent.
set -euo pipefail
cd "$(dirname "$0")/../.."
secrets=${RUN_DIR:-.run}/data/airflow/secrets
mkdir -p "$secrets"
chmod 700 "$secrets"
source services/secret.sh
for name in fernet_key secret_key jwt_secret; do
  keep_secret "$secrets/$name"
done
source services/airflow/environment.sh
exec airflow db migrate

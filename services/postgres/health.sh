#!/usr/bin/env bash
# Exits 0 when Airflow's user may read, over TCP and with the password.
set -euo pipefail
PGPASSWORD=$(</run/passwords/postgres/password) PGCONNECT_TIMEOUT=3 \
  psql --host 127.0.0.1 --username airflow --no-psqlrc --quiet --tuples-only --command 'SELECT 1' airflow >/dev/null

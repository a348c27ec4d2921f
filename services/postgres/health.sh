#!/usr/bin/env bash
# May Airflow's user read? Asked over TCP, with the password.
set -euo pipefail
PGPASSWORD=$(</run/passwords/postgres/password) PGCONNECT_TIMEOUT=3 \
  psql --host 127.0.0.1 --username airflow --no-psqlrc --quiet --tuples-only --command 'SELECT 1' airflow >/dev/null

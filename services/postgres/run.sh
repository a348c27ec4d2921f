#!/usr/bin/env bash
# PostgreSQL in the foreground. It stands for the metadata database that MWAA has for Airflow, and runs in
# Docker only: without Docker the metadata is in an SQLite file.
# The first start generates the password of its one user and stores it in a volume of its own.
set -euo pipefail
cd "$(dirname "$0")/../.."
password=/run/passwords/postgres/password
data=/var/lib/postgresql/data/17

source services/secret.sh
keep_secret "$password" "" 600 "$data"
if [[ ! -d $data ]]; then
  rm -rf "$data.new"
  initdb --pgdata "$data.new" --username airflow --pwfile "$password" --auth scram-sha-256 \
    --encoding UTF8 --locale C.UTF-8 >/dev/null
  echo 'CREATE DATABASE airflow' | postgres --single -D "$data.new" postgres >/dev/null
  echo 'host all all all scram-sha-256' >>"$data.new/pg_hba.conf"
  mv "$data.new" "$data"
fi
exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp -c shared_buffers=32MB \
  -c jit=off

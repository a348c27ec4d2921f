#!/usr/bin/env bash
# Health check of one of Airflow's processes: services/airflow/health.sh COMPONENT, named as by the API server:
# metadatabase (the API server itself), scheduler, dag_processor, triggerer.
set -euo pipefail
cd "$(dirname "$0")/../.."
process=${1//_/-}
process=${RUN_DIR:-.run}/data/airflow/${process/metadatabase/api-server}.process
source services/alive.sh
if ! claimed "$process"; then
  echo "$1: the process that wrote its heartbeat has ended" >&2
  exit 1
fi
exec python services/airflow/health.py "$AIRFLOW_API_URL" "$1" "$process"

#!/usr/bin/env bash
# Does this one of Airflow's processes do its work? services/airflow/health.sh COMPONENT, as the API server
# names them: metadatabase (the API server itself), scheduler, dag_processor, triggerer.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python services/airflow/health.py "$AIRFLOW_API_URL" "$1"

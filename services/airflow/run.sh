#!/usr/bin/env bash
# One of Airflow's processes, in the foreground: services/airflow/run.sh api-server|scheduler|dag-processor|triggerer
# Together they stand for an environment of Amazon MWAA. Settings: services/airflow/environment.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/airflow/environment.sh
source services/alive.sh
claim "$AIRFLOW_HOME/$1.process"
case $1 in
  # The API server reads the logs of tasks from their folder, not from the process that wrote them.
  scheduler | triggerer) exec airflow "$1" --skip-serve-logs ;;
  *) exec airflow "$1" ;;
esac

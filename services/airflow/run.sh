#!/usr/bin/env bash
# One of Airflow's processes, in the foreground: services/airflow/run.sh api-server|scheduler|dag-processor|triggerer
# Together they stand for an environment of Amazon MWAA. Settings: services/airflow/environment.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/airflow/environment.sh
source services/alive.sh
passwords=$AIRFLOW_HOME/simple_auth_manager_passwords.json.generated
if [[ $1 == api-server && -e $passwords && $(tr -d '\0' <"$passwords") != \{*\} ]]; then
  mv -f "$passwords" "$passwords.damaged"
  echo "$passwords was damaged: it is now $passwords.damaged, and the user admin gets a new password" >&2
fi
claim "$AIRFLOW_HOME/$1.process"
case $1 in
  # The API server reads the logs of tasks from their folder, not from the process that wrote them.
  scheduler | triggerer) exec airflow "$1" --skip-serve-logs ;;
  *) exec airflow "$1" ;;
esac

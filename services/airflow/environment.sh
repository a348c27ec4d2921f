# Settings of Airflow that all its processes share; sourced by run.sh and init.sh.
#   AIRFLOW_LISTEN                  address of the API server and the UI
#   AIRFLOW_API_URL                 the same, as the other processes and tasks reach it
#   AIRFLOW_BROWSER_URL             the same, as a browser reaches it
#   AIRFLOW_DATABASE_URL            SQLAlchemy URL of the metadata; empty: an SQLite file
#   AIRFLOW_DATABASE_PASSWORD_FILE  file with its password
#   DATABRICKS_HOST                 URL of the workspace of the connection databricks_default
#   DATABRICKS_TOKEN_FILE           file with its token
mkdir -p "${RUN_DIR:-.run}/data/airflow"
AIRFLOW_HOME=$(cd "${RUN_DIR:-.run}/data/airflow" && pwd)
export AIRFLOW_HOME
secrets=$AIRFLOW_HOME/secrets

# The folders of MWAA's own bucket.
export AIRFLOW__CORE__DAGS_FOLDER=$PWD/airflow/dags AIRFLOW__CORE__PLUGINS_FOLDER=$PWD/airflow/plugins
export AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL=30
# Two workers suffice, as a deferred task takes none; each idle worker takes memory.
export AIRFLOW__CORE__EXECUTOR=LocalExecutor AIRFLOW__CORE__PARALLELISM=2
# Airflow notices a task's end this many seconds late (5 by default), and takes a task that resumes earlier for lost.
export AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL=1
export AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES=1 AIRFLOW__API__WORKERS=1

export AIRFLOW__API__HOST=${AIRFLOW_LISTEN%:*} AIRFLOW__API__PORT=${AIRFLOW_LISTEN##*:}
export AIRFLOW__API__BASE_URL=$AIRFLOW_BROWSER_URL
export AIRFLOW__CORE__EXECUTION_API_SERVER_URL=$AIRFLOW_API_URL/execution/
# One user, whose password the API server creates at its first start (`pinpipe up` prints it).
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS=admin:admin

export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=${AIRFLOW_DATABASE_URL:-sqlite:///$AIRFLOW_HOME/airflow.db}
if [[ -n ${AIRFLOW_DATABASE_PASSWORD_FILE:-} ]]; then
  PGPASSWORD=$(<"$AIRFLOW_DATABASE_PASSWORD_FILE")
  export PGPASSWORD
fi
AIRFLOW__CORE__FERNET_KEY=$(<"$secrets/fernet_key")
AIRFLOW__API__SECRET_KEY=$(<"$secrets/secret_key")
AIRFLOW__API_AUTH__JWT_SECRET=$(<"$secrets/jwt_secret")
export AIRFLOW__CORE__FERNET_KEY AIRFLOW__API__SECRET_KEY AIRFLOW__API_AUTH__JWT_SECRET

# On MWAA this connection is in Secrets Manager. The connection to AWS needs no entry in either place.
if [[ -z ${AIRFLOW_CONN_DATABRICKS_DEFAULT:-} && -s ${DATABRICKS_TOKEN_FILE:-} ]]; then
  scheme=${DATABRICKS_HOST%%://*} address=${DATABRICKS_HOST#*://}
  AIRFLOW_CONN_DATABRICKS_DEFAULT=$(printf \
    '{"conn_type":"databricks","host":"%s","schema":"%s","port":%s,"password":"%s"}' \
    "${address%:*}" "$scheme" "${address##*:}" "$(<"$DATABRICKS_TOKEN_FILE")")
  export AIRFLOW_CONN_DATABRICKS_DEFAULT
fi

export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False NO_COLOR=1
# No AWS profile or session of the shell, and no proxy between processes of this machine.
unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export AWS_DEFAULT_REGION=${AWS_REGION:-us-east-1}
source airflow/startup.sh

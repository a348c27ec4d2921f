#!/usr/bin/env bash
# Runs one Spark job in the foreground: spark/run.sh MODULE [ARGS...]
# It stands for a job run on Databricks; the settings that a cluster brings there are in spark/conf.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${RUN_DIR:-.run}/data/spark
mkdir -p "$data"
# The name of the folder for temporary files contains the process id, which stays the same through `exec`, so that
# the next start can remove the folders of ended jobs. In a container the id may be that of an ended job.
for scratch in "$data"/scratch-*; do
    [[ -e $scratch ]] && { [[ ${scratch##*-} == $$ ]] || ! kill -0 "${scratch##*-}" 2>/dev/null; } && rm -rf "$scratch"
done
export SPARK_LOCAL_DIRS=$PWD/$data/scratch-$$
[[ $data == /* ]] && SPARK_LOCAL_DIRS=$data/scratch-$$

# SPARK_CONF_DIR is not used: the JVM rejects a class-data archive if a folder with files is on the class path.
export PYSPARK_SUBMIT_ARGS="--properties-file spark/conf/spark-defaults.conf ${SPARK_OPTIONS:-} pyspark-shell"
export SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_HOSTNAME=localhost
PYSPARK_PYTHON=$(command -v python)
export PYSPARK_PYTHON PYTHONPATH=$PWD PYTHONUNBUFFERED=1
unset SPARK_HOME SPARK_CONF_DIR HADOOP_CONF_DIR
# This java puts the jars on the class path in the order of the class-data archive.
export SPARK_JAVA=${SPARK_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/}java} JAVA_HOME=$PWD/spark/launch
exec python -m "$@"

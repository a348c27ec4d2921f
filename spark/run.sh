#!/usr/bin/env bash
# Runs one Spark job in the foreground: spark/run.sh MODULE [ARGS...]
# It stands for a job of Databricks: the settings that a cluster brings are in spark/conf.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${RUN_DIR:-.run}/data/spark
mkdir -p "$data"
# Spark's scratch folder is named by its process, which stays the same through `exec`: what a killed
# job left behind goes with the next start.
for scratch in "$data"/scratch-*; do
    [[ -e $scratch ]] && ! kill -0 "${scratch##*-}" 2>/dev/null && rm -rf "$scratch"
done
export SPARK_LOCAL_DIRS=$PWD/$data/scratch-$$
[[ $data == /* ]] && SPARK_LOCAL_DIRS=$data/scratch-$$

# Not SPARK_CONF_DIR: a folder with files on the class path rules out a class-data archive.
export PYSPARK_SUBMIT_ARGS="--properties-file spark/conf/spark-defaults.conf ${SPARK_OPTIONS:-} pyspark-shell"
export SPARK_LOCAL_IP=127.0.0.1 SPARK_LOCAL_HOSTNAME=localhost
PYSPARK_PYTHON=$(command -v python)
export PYSPARK_PYTHON PYTHONPATH=$PWD PYTHONUNBUFFERED=1
unset SPARK_HOME SPARK_CONF_DIR HADOOP_CONF_DIR
# A java that finds its classes in the archive.
export SPARK_JAVA=${SPARK_JAVA:-${JAVA_HOME:+$JAVA_HOME/bin/}java} JAVA_HOME=$PWD/spark/launch
exec python -m "$@"

#!/usr/bin/env bash
# Runs the streaming job in the foreground, with its checkpoints on this machine's disk.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${RUN_DIR:-.run}/data/stream
mkdir -p "$data"
# Of the process before: nothing is a sign of life until this one has claimed it.
rm -f "$data/alive"
source services/alive.sh
claim "$data/process"
data=$(cd "$data" && pwd)
options=$(sed -n 's/^\(spark[^ ]*\) *\(.*\)/--conf "\1=\2"/p' spark/conf/stream.conf)
export SPARK_OPTIONS="${options//$'\n'/ } ${SPARK_OPTIONS:-}"
# LocalStack has forgotten its streams when it starts again: then the new ones are read, from their
# beginning. On AWS lost records are a failure.
exec spark/run.sh spark.jobs.run_stream --checkpoints "$data/checkpoints" --alive "$data/alive" \
  --fail-on-data-loss false "$@"

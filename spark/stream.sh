#!/usr/bin/env bash
# Runs the streaming job in the foreground, with its checkpoints on this machine's disk.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${RUN_DIR:-.run}/data/stream
mkdir -p "$data"
# Removes the heartbeat of the process before; the health check accepts one only from this process.
rm -f "$data/alive"
source services/alive.sh
claim "$data/process"
data=$(cd "$data" && pwd)
options=$(sed -n 's/^\(spark[^ ]*\) *\(.*\)/--conf "\1=\2"/p' spark/conf/stream.conf)
export SPARK_OPTIONS="${options//$'\n'/ } ${SPARK_OPTIONS:-}"
# LocalStack loses its streams when it restarts: the job then reads the new streams from their
# beginning. On AWS, lost records are a failure.
exec spark/run.sh spark.jobs.run_stream --checkpoints "$data/checkpoints" --alive "$data/alive" \
  --fail-on-data-loss false "$@"

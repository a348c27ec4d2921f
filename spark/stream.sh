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
# Records that are lost before they are read are a failure. Two starts accept it and read the new streams from their
# beginning: any start where LocalStack has its streams in memory, and the first one without this file, which a person
# removes after a loss (docs/getting-started.md).
leveldown=.build/localstack/node_modules/leveldown
loss=true
[[ -e $data/fails_on_data_loss ]] || loss=false
if [[ -d $leveldown ]] && ! node -e "require('./$leveldown')" 2>/dev/null; then loss=false; fi
touch "$data/fails_on_data_loss"
exec spark/run.sh spark.jobs.run_stream --checkpoints "$data/checkpoints" --alive "$data/alive" \
  --fail-on-data-loss $loss "$@"

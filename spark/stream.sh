#!/usr/bin/env bash
# Runs the streaming job in the foreground, with its checkpoints on this machine's disk.
set -euo pipefail
cd "$(dirname "$0")/.."

data=${RUN_DIR:-.run}/data/stream
mkdir -p "$data"
rm -f "$data/alive"
data=$(cd "$data" && pwd)
# A batch of some dozen posts is over sooner than code for it is generated, or its stages are
# planned again from what the first of them has found.
export SPARK_OPTIONS="--conf spark.sql.codegen.factoryMode=NO_CODEGEN
  --conf spark.sql.codegen.wholeStage=false --conf spark.sql.adaptive.enabled=false
  --conf spark.sql.shuffle.partitions=1 ${SPARK_OPTIONS:-}"
# LocalStack has forgotten its streams when it starts again: then the new ones are read, from their
# beginning. On AWS lost records are a failure.
exec spark/run.sh spark.jobs.run_stream --checkpoints "$data/checkpoints" --alive "$data/alive" \
  --fail-on-data-loss false "$@"

#!/usr/bin/env bash
# Builds the S3 sink plugin and puts it into .build/connect: plugins/s3-sink/ for plugin.path, and
# s3-sink.zip, the same jars, for MSK Connect. Its third-party jars are checked against jars.sha256.
# Adds AWS' signer of Kafka logins, aws-msk-iam-auth.jar, and makes the class-data archive from which the
# worker starts. Skips what exists.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/kafka/java.sh

build=.build/connect
project=services/connect/s3-sink
sums=services/connect/jars.sha256

services/kafka/install.sh # the worker's jars, and the broker that runs below
find_java
mkdir -p "$build/plugins"

inputs="$(find "$project/pom.xml" "$project/src" "$sums" -type f -print0 | LC_ALL=C sort -z | xargs -0 cksum)"
if [ ! -d "$build/plugins/s3-sink" ] || [ "$inputs" != "$(cat "$build/inputs" 2>/dev/null)" ]; then
  # The unit tests have a make target of their own.
  maven -f "$project/pom.xml" clean package -DskipTests
  rm -rf "$build/new"
  mkdir "$build/new"
  (cd "$build/new" && "${JAVA%java}jar" -xf "$OLDPWD/$project/target/s3-sink.zip")
  own="$(basename "$project"/target/s3-sink-*.jar)"
  jars="$(find "$build/new/s3-sink" -name '*.jar' ! -name "$own" | wc -l)"
  if [ "$jars" -ne "$(wc -l <"$sums")" ] || ! check_sums "$build/new/s3-sink" "$sums"; then
    echo "connect: the jars in $build/new/s3-sink are not those of $sums" >&2
    exit 1
  fi
  rm -rf "$build/plugins/s3-sink" "$build/inputs"
  mv "$build/new/s3-sink" "$build/plugins/s3-sink"
  cp "$project/target/s3-sink.zip" "$build/s3-sink.zip"
  rm -rf "$build/new"
  printf '%s\n' "$inputs" >"$build/inputs"
fi

# Only for KAFKA_AUTH=iam, so not among the worker's jars. This jar includes its dependencies, under names of
# their own where Kafka has the same library.
signer=services/connect/signer
if [ ! -f "$build/aws-msk-iam-auth.jar" ] || ! check_sums "$build" "$signer/jars.sha256"; then
  maven -f "$signer/pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DexcludeTransitive=true -Dmdep.stripVersion=true -Dmdep.stripClassifier=true \
    -DoutputDirectory="$PWD/$build"
  if ! check_sums "$build" "$signer/jars.sha256"; then
    echo "connect: $build/aws-msk-iam-auth.jar is not that of $signer/jars.sha256" >&2
    exit 1
  fi
fi

# A worker starts only with a broker. This is the command of make_class_archive, which ends the worker.
broker_and_worker() {
  local broker_port controller_port worker_port
  read -r broker_port controller_port worker_port < <(free_ports 3)
  export RUN_DIR="$scratch" KAFKA_AUTH=none KAFKA_LISTEN="127.0.0.1:$broker_port"
  export KAFKA_CONTROLLER_LISTEN="127.0.0.1:$controller_port" KAFKA_HOST_LISTEN="" KAFKA_HOST_ADVERTISED=""
  export KAFKA_BOOTSTRAP_SERVERS="$KAFKA_LISTEN"
  export CONNECT_LISTEN="127.0.0.1:$worker_port" CONNECT_ADVERTISED="127.0.0.1:$worker_port"
  CLASS_ARCHIVE_TO_MAKE="" services/kafka/run.sh >"$build/broker.log" 2>&1 &
  echo $! >"$scratch/broker.pid"
  exec services/connect/run.sh
}

clean_up() {
  if [ -f "$scratch/broker.pid" ]; then
    kill "$(cat "$scratch/broker.pid")" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}

scratch="$(mktemp -d)"
trap clean_up EXIT
make_class_archive "$build/worker.jsa" .build/kafka/libs "Finished starting connectors and tasks" \
  broker_and_worker "$(cksum <services/connect/run.sh)"

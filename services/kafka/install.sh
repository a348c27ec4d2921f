#!/usr/bin/env bash
# Copies the jars of Kafka and Kafka Connect to .build/kafka/libs, checked against jars.sha256; builds
# .build/kafka/kafka-auth.jar, the broker's checks of logins; and makes the class-data archive from which the
# broker starts. Skips what exists.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/kafka/java.sh

build=.build/kafka
sums=services/kafka/jars.sha256

jars_are_right() {
  [ -d "$1" ] && [ "$(find "$1" -type f | wc -l)" -eq "$(wc -l <"$sums")" ] && check_sums "$1" "$sums"
}

find_java
mkdir -p "$build"
if ! jars_are_right "$build/libs"; then
  rm -rf "$build/libs.new"
  maven -f services/kafka/pom.xml dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$PWD/$build/libs.new"
  if ! jars_are_right "$build/libs.new"; then
    echo "kafka: the jars in $build/libs.new are not those of $sums" >&2
    exit 1
  fi
  rm -rf "$build/libs"
  mv "$build/libs.new" "$build/libs"
fi

# Not in libs: the class-data archive covers only those jars, and a broker without logins needs no others.
auth=services/kafka/auth
inputs="$(find "$auth/pom.xml" "$auth/src" -type f -print0 | LC_ALL=C sort -z | xargs -0 cksum)"
if [ ! -f "$build/kafka-auth.jar" ] || [ "$inputs" != "$(cat "$build/kafka-auth.inputs" 2>/dev/null)" ]; then
  maven -f "$auth/pom.xml" clean package
  cp "$auth"/target/kafka-auth-*.jar "$build/kafka-auth.jar"
  printf '%s\n' "$inputs" >"$build/kafka-auth.inputs"
fi

read -r broker_port controller_port < <(free_ports 2)
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
export RUN_DIR="$scratch" KAFKA_AUTH=none KAFKA_LISTEN="127.0.0.1:$broker_port"
export KAFKA_CONTROLLER_LISTEN="127.0.0.1:$controller_port" KAFKA_HOST_LISTEN="" KAFKA_HOST_ADVERTISED=""
make_class_archive "$build/broker.jsa" "$build/libs" "Kafka Server started" services/kafka/run.sh

#!/usr/bin/env bash
# Puts Delta's jars for the Spark of Databricks 17.3 LTS into .build/spark-lts/jars, checked against
# jars.sha256. Does nothing if they are up to date.
set -euo pipefail
cd "$(dirname "$0")/../../.."
source services/kafka/java.sh

folder=tests/spark/lts
jars=.build/spark-lts/jars
check() { check_sums "$jars" "$folder/jars.sha256"; }
if [[ -d $jars ]] && check; then
    exit 0
fi
rm -rf "$jars"
mkdir -p "$jars"
maven -f "$folder/pom.xml" -Dtarget="$PWD/$jars" package
check || { echo "spark-lts: the jars in $jars are not those of $folder/jars.sha256" >&2; exit 1; }

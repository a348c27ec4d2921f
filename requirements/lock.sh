#!/usr/bin/env bash
# Locks every environment with hashes, by name only: no registry address is written, so that each
# machine's own registry settings apply.
set -euo pipefail
cd "$(dirname "$0")/.."
compile() { # output, then the options of this environment
    local out=$1
    shift
    uv pip compile --quiet --no-header --no-emit-index-url --generate-hashes \
        --output-file "requirements/$out" "$@"
}
compile bootstrap.txt --universal --python-version 3.11 --group bootstrap
compile app.txt --universal --python-version 3.11 pyproject.toml
compile dev.txt --universal --python-version 3.11 pyproject.toml --group test
# Part of the application's environment, at the same versions.
for part in emulator databricks services; do
    compile "$part.txt" --universal --python-version 3.11 --constraint requirements/dev.txt --group "$part"
done
compile spark.txt --universal --python-version 3.11 --group spark
compile spark-test.txt --universal --python-version 3.11 --group spark-test
compile spark-lts-test.txt --universal --python-version 3.11 --group spark-lts-test
# The last release of LocalStack that needs no account breaks on dependencies made after it.
compile localstack.txt --python-version 3.13 --exclude-newer 2026-03-05 --group localstack
# Airflow as of the day of MWAA's pins, at MWAA's versions. It runs on Python 3.12, as on MWAA, or on Debian's
# 3.13.
for set in airflow airflow-test; do
    compile "$set.txt" --universal --python-version 3.12 --exclude-newer 2026-08-12 --constraint requirements/mwaa.txt --group "$set"
done
compile airflow-previous-test.txt --universal --python-version 3.12 --exclude-newer 2026-04-22 --constraint requirements/mwaa-previous.txt --group airflow-previous-test
compile airflow-newest-test.txt --universal --python-version 3.12 --group airflow-newest-test
# For MWAA, which resolves airflow/requirements.txt itself: names and versions only.
sed -nE 's/^([A-Za-z0-9._-]+)(\[[^]]*\])?(==[^\\]*[^\\ ]).*/\1\3/p' requirements/airflow.txt >airflow/dags/constraints.txt

#!/usr/bin/env bash
# For images: removes files that no service runs from an environment: services/slim.sh FOLDER. These are the packages'
# own tests (60 MB each for Spark and Airflow), headers, debug symbols of libraries (85 MB for Airflow) and Arrow
# Flight, a server that no service loads. Libraries in *.libs stay whole: auditwheel has rewritten them, and strip
# would break them.
set -euo pipefail

find "$1" -type d \( -name tests -o -path '*/pyarrow/include' -o -path '*/numpy/_core/include' \) -prune -exec rm -r {} +
find "$1" -path '*/pyarrow/*' -name '*flight*' -delete
find "$1" -type f \( -name '*.so' -o -name '*.so.*' \) ! -path '*.libs/*' -exec strip --strip-unneeded {} +

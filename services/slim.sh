#!/usr/bin/env bash
# For images: removes from an environment what no service runs: services/slim.sh FOLDER. The packages' own tests
# (some 60 MB for Spark as for Airflow), what one compiles against, and what is for a debugger alone in their
# libraries (85 MB of Airflow's). Not Arrow Flight, a server that nothing here loads. What a wheel has in *.libs
# has been moved about by auditwheel, and strip would break it.
set -euo pipefail

find "$1" -type d \( -name tests -o -path '*/pyarrow/include' -o -path '*/numpy/_core/include' \) -prune -exec rm -r {} +
find "$1" -path '*/pyarrow/*' -name '*flight*' -delete
find "$1" -type f \( -name '*.so' -o -name '*.so.*' \) ! -path '*.libs/*' -exec strip --strip-unneeded {} +

#!/usr/bin/env bash
# For images: creates a Python environment from the lock requirements/NAME.txt, without the files that no service
# runs: services/environment.sh NAME FOLDER.
set -euo pipefail
cd "$(dirname "$0")/.."

uv venv --quiet --python /usr/bin/python3 "$2"
uv pip sync --quiet --require-hashes --python "$2" "requirements/$1.txt"
services/slim.sh "$2"

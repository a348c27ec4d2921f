#!/usr/bin/env bash
# For images: makes a locked Python environment of what services need, without what no service runs:
# services/environment.sh NAME FOLDER, of requirements/NAME.txt.
set -euo pipefail
cd "$(dirname "$0")/.."

uv venv --quiet --python /usr/bin/python3 "$2"
uv pip sync --quiet --require-hashes --python "$2" "requirements/$1.txt"
services/slim.sh "$2"

#!/usr/bin/env bash
# Runs one program of the emulator: run.sh MODULE [ARGUMENT...]
set -euo pipefail
cd "$(dirname "$0")/.."
exec python -m "$@"

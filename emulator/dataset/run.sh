#!/usr/bin/env bash
# Fills the source database if it is empty or an option requires it; the one-shot `dataset-load`.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m emulator.dataset load "$@"

#!/usr/bin/env bash
# Exits 0 when the worker answers and has loaded the S3 sink.
set -euo pipefail
cd "$(dirname "$0")/../.."
export CONNECT_PASSWORD_FILE="${CONNECT_PASSWORD_FILE:-${RUN_DIR:-.run}/data/connect_password/password}"
CONNECT_URL="http://${CONNECT_ADVERTISED:-${CONNECT_LISTEN:-127.0.0.1:8083}}" exec python -m services.connect.health

#!/usr/bin/env bash
# Does the worker answer, and has it loaded the S3 sink?
set -euo pipefail
cd "$(dirname "$0")/../.."
CONNECT_URL="http://${CONNECT_ADVERTISED:-${CONNECT_LISTEN:-127.0.0.1:8083}}" exec python -m services.connect.health

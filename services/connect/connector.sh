#!/usr/bin/env bash
# Creates or updates the S3 sink connector, and waits until it works. Idempotent. With --print it
# only prints the connector's configuration, as MSK Connect takes it.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.connect.connector "$@"

#!/usr/bin/env bash
# Creates or updates the S3 sink connector, and waits until it runs. Idempotent. With --print it only
# prints the connector's configuration in the form that MSK Connect takes.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.connect.connector "$@"

#!/usr/bin/env bash
# Health check: /health of the service reports whether runs can be stored and started.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.databricks.health

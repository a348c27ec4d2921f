#!/usr/bin/env bash
# Can runs be kept and started? Asks the service's own /health.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.databricks.health

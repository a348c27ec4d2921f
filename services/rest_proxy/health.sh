#!/usr/bin/env bash
# Does the proxy reach its broker? Asks its own /health.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.rest_proxy.health

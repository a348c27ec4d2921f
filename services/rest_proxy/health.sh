#!/usr/bin/env bash
# Exits 0 when the proxy reaches its broker, by its own /health.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.rest_proxy.health

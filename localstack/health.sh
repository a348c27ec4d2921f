#!/usr/bin/env bash
# Exits 0 when template.yaml is deployed and its REST API reaches its streams, else 1 with the reason.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH=$PWD
exec python localstack/health.py

#!/usr/bin/env bash
# Does the broker answer? Asked at its own address, so before it has told anybody else of itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
KAFKA_BOOTSTRAP_SERVERS="${KAFKA_LISTEN:-127.0.0.1:9092}" exec python -m services.kafka.health

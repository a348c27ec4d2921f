#!/usr/bin/env bash
# The Kafka REST proxy (Confluent REST API v2), which the original ran on EC2.
# Settings: KAFKA_BOOTSTRAP_SERVERS, REST_PROXY_LISTEN and the others of contract/settings.py.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.rest_proxy

#!/usr/bin/env bash
# Creates the three topics and the dead-letter topic if they do not exist.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.kafka.topics

#!/usr/bin/env bash
# Creates the three topics and the dead-letter topic where they are not there yet.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.kafka.topics

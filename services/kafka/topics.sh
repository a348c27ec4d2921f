#!/usr/bin/env bash
# Creates the topics of the entities, those of KAFKA_TOPICS and the dead-letter topic if they do not exist.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec python -m services.kafka.topics

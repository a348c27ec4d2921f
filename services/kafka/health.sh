#!/usr/bin/env bash
# Exits 0 when the broker answers at the address that it listens on. With logins, the check uses the broker's
# own user.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/kafka/secure.sh

export KAFKA_BOOTSTRAP_SERVERS="${KAFKA_LISTEN:-127.0.0.1:9092}"
if [ "${KAFKA_AUTH:-none}" != none ]; then
  export KAFKA_AUTH=scram KAFKA_SCRAM_USERNAME="$BROKER_USER" KAFKA_SCRAM_PASSWORD=""
  export KAFKA_SCRAM_PASSWORD_FILE="${RUN_DIR:-.run}/data/kafka/secure/broker_password"
  export KAFKA_CA_FILE="$(client_folder)/ca.pem"
fi
exec python -m services.kafka.health

#!/usr/bin/env bash
# Exits 0 when the reader may read, over TCP.
set -euo pipefail
cd "$(dirname "$0")/../.."
listen=${MYSQL_LISTEN:-127.0.0.1:3306}
password=${MYSQL_PASSWORDS:-.run/data/passwords}/reader/password
client=$(command -v mariadb || command -v mysql)
"$client" --defaults-file=<(printf '[client]\nloose-skip-ssl\npassword=%s\n' "$(<"$password")") --host=127.0.0.1 \
  --port="${listen##*:}" --protocol=tcp --user=reader --connect-timeout=3 \
  --batch --skip-column-names --execute='SELECT 1' pinterest_data >/dev/null

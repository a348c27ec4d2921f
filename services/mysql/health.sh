#!/usr/bin/env bash
# Exits 0 when the reader may read, over TCP: the server that initialises a new database does not listen there.
set -euo pipefail
client() {
  mysql --defaults-extra-file=<(printf '[client]\npassword=%s\n' "$(cat /run/passwords/reader/password)") \
    --host=127.0.0.1 --protocol=tcp --user=reader --connect-timeout=3 "$@"
}
client --batch --skip-column-names --execute='SELECT 1' pinterest_data >/dev/null

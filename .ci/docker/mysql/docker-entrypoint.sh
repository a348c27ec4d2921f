#!/bin/bash
# Enough of the official mysql image's behaviour for this project's compose file and tests.
set -euo pipefail
if [ "${1:0:1}" = - ]; then set -- mysqld "$@"; fi
file_env() { local v=$1 f="${1}_FILE"; if [ -n "${!f:-}" ]; then export "$v=$(<"${!f}")"; fi; }
note() { echo "$(date -u +%FT%TZ) [Note] [Entrypoint]: $*" >&2; }
if [ "$1" = mysqld ]; then
  if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/lib/mysql /var/run/mysqld /var/lib/mysql-files
    chown -R mysql: /var/lib/mysql /var/run/mysqld /var/lib/mysql-files
    exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
  fi
  for v in MYSQL_ROOT_PASSWORD MYSQL_PASSWORD MYSQL_USER MYSQL_DATABASE; do file_env "$v"; done
  if [ ! -d /var/lib/mysql/mysql ]; then
    if [ -z "${MYSQL_ROOT_PASSWORD:-}${MYSQL_ALLOW_EMPTY_PASSWORD:-}${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
      echo 'Database is uninitialized and password option is not specified' >&2; exit 1; fi
    if [ -n "${MYSQL_RANDOM_ROOT_PASSWORD:-}" ]; then
      MYSQL_ROOT_PASSWORD=$(head -c 18 /dev/urandom | base64); note "GENERATED ROOT PASSWORD: $MYSQL_ROOT_PASSWORD"; fi
    note 'Initializing database files'; "$@" --initialize-insecure; note 'Database files initialized'
    sock=/var/run/mysqld/mysqld.sock
    note 'Starting temporary server'
    "$@" --skip-networking --socket="$sock" & pid=$!
    for _ in $(seq 300); do mysqladmin -uroot -S "$sock" --skip-password ping >/dev/null 2>&1 && break; kill -0 $pid; sleep 0.2; done
    q() { mysql --protocol=socket -uroot -S "$sock" --skip-password "$@"; }
    docker_process_sql() { q "${MYSQL_DATABASE:-mysql}" "$@"; } # what init scripts of the official image call
    esc() { printf '%s' "${1//\'/\'\'}" | sed 's/\\/\\\\/g'; }
    [ -z "${MYSQL_DATABASE:-}" ] || q -e "CREATE DATABASE IF NOT EXISTS \`$MYSQL_DATABASE\`"
    if [ -n "${MYSQL_USER:-}" ] && [ -n "${MYSQL_PASSWORD:-}" ]; then
      q -e "CREATE USER '$MYSQL_USER'@'%' IDENTIFIED BY '$(esc "$MYSQL_PASSWORD")'"
      [ -z "${MYSQL_DATABASE:-}" ] || q -e "GRANT ALL ON \`${MYSQL_DATABASE//_/\\_}\`.* TO '$MYSQL_USER'@'%'"
    fi
    for f in /docker-entrypoint-initdb.d/*; do
      case $f in
        *.sh) note "running $f"; if [ -x "$f" ]; then "$f"; else . "$f"; fi ;;
        *.sql) note "running $f"; q ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} <"$f" ;;
        *.sql.gz) note "running $f"; gunzip -c "$f" | q ${MYSQL_DATABASE:+"$MYSQL_DATABASE"} ;;
      esac
    done
    pw=$(esc "${MYSQL_ROOT_PASSWORD:-}")
    q -e "CREATE USER IF NOT EXISTS 'root'@'${MYSQL_ROOT_HOST:-%}' IDENTIFIED BY '$pw'; GRANT ALL ON *.* TO 'root'@'${MYSQL_ROOT_HOST:-%}' WITH GRANT OPTION; ALTER USER 'root'@'localhost' IDENTIFIED BY '$pw'"
    note 'Stopping temporary server'; kill "$pid"; wait "$pid" || true
    note 'MySQL init process done. Ready for start up.'
  fi
fi
exec "$@"

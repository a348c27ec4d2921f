#!/usr/bin/env bash
# MySQL in the foreground, by the entrypoint of its official image. It stands for RDS for MySQL, and
# runs in Docker only: without Docker the source database is an SQLite file.
#
# The first start generates a password for each user and stores it in a volume of its own,
# /run/passwords/<user>, so that a container gets only the password that it needs:
#   root    may do everything; its password never leaves this service
#   loader  may do everything in pinterest_data, which it fills
#   reader  may read pinterest_data, for the emulator
set -euo pipefail
cd "$(dirname "$0")/../.."

source services/secret.sh
keep_secret /run/passwords/root/password
for user in loader reader; do
  keep_secret "/run/passwords/$user/password" "" 444 # the emulator's containers have another user
done

export MYSQL_ROOT_PASSWORD_FILE=/run/passwords/root/password MYSQL_ROOT_HOST=localhost
export MYSQL_DATABASE=pinterest_data
export MYSQL_USER=loader MYSQL_PASSWORD_FILE=/run/passwords/loader/password

# Small: a table of the source database is a few MB, and there is no replica to log for.
exec docker-entrypoint.sh mysqld --innodb-buffer-pool-size=64M --performance-schema=OFF \
  --skip-log-bin --mysqlx=OFF

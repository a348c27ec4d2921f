#!/usr/bin/env bash
# Checks that all queries of the streaming job run: it touches its heartbeat file twice a second while they do.
set -euo pipefail
cd "$(dirname "$0")/.."

source services/alive.sh
data=${RUN_DIR:-.run}/data/stream
if ! claimed "$data/process"; then
  echo "stream: the process that wrote its heartbeat has ended" >&2
  exit 1
fi
alive=$data/alive
if [[ ! -e $alive ]]; then
  echo "stream: not all of its queries have begun" >&2
  exit 1
fi
# GNU stat, or else BSD stat.
touched=$(stat -c %Y "$alive" 2>/dev/null || stat -f %m "$alive")
age=$(($(date +%s) - touched))
if ((age > 10)); then
  echo "stream: for $age s not all of its queries have run" >&2
  exit 1
fi

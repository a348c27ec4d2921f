"""Asks the API server how a component stands: exits 0 when it's healthy, else 1 with the reason.

    python services/airflow/health.py http://127.0.0.1:8080 scheduler

A component is healthy when its last heartbeat is younger than 30 s (metadatabase: when the
database answers).
"""

from __future__ import annotations

import json
import sys
import urllib.request

TIMEOUT = 8.0
"""Seconds for an answer."""


def main(url: str, component: str) -> int:
    """Return the exit status."""
    # Not through a proxy: the API server is on this machine, or in its network.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/api/v2/monitor/health", timeout=TIMEOUT) as answer:
            told = json.load(answer)[component]
    except (OSError, ValueError, KeyError) as error:
        print(f"Airflow's API server: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if told["status"] != "healthy":
        beat = told.get(f"latest_{component}_heartbeat") or "none yet"
        print(f"{component}: {told['status']}, last heartbeat: {beat}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Exits 0 when the API server reports a component as healthy, else 1 with the reason.

    python services/airflow/health.py http://127.0.0.1:8080 scheduler [FILE]

A component is healthy when its last heartbeat is younger than 30 s (metadatabase: when the
database responds) and younger than FILE, which its process wrote when it started: a heartbeat of
the previous process does not count. The module avoids urllib.request, whose import would double
the time of a check, while four processes are checked and all of them start.
"""

import json
import os
import sys
import time
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from math import inf
from urllib.parse import urlsplit

TIMEOUT = 8.0
"""Seconds that a response may take."""


def main(url: str, component: str, process: str | None = None) -> int:
    """Return the exit status."""
    try:
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)) as connection:
            connection.request("GET", "/api/v2/monitor/health")
            response = connection.getresponse()
            body = response.read()
        if response.status != 200:
            raise HTTPException(f"HTTP status {response.status}")
        reported = json.loads(body)[component]
    except (OSError, HTTPException, ValueError, KeyError) as error:
        print(f"Airflow's API server: {error}", file=sys.stderr)
        return 1
    beat = reported.get(f"latest_{component}_heartbeat")
    if reported["status"] != "healthy":
        reason = f"{reported['status']}, last heartbeat: {beat or 'none yet'}"
    elif beat and process and _age(beat) > _uptime(process):
        reason = f"no heartbeat since it started, the last one: {beat}"
    else:
        return 0
    print(f"{component}: {reason}", file=sys.stderr)
    return 1


def _age(beat: str) -> float:
    """Seconds since a heartbeat."""
    return time.time() - datetime.fromisoformat(beat).timestamp()


def _uptime(process: str) -> float:
    """Seconds since a process started, by the boot clock; infinite without its file.

    services/alive.sh writes the file; a process of an earlier release has none.
    """
    if not os.path.exists(process):
        return inf
    with open(process, encoding="ascii") as file:
        start = file.read().splitlines()[1].split()
    if not hasattr(time, "CLOCK_BOOTTIME"):  # macOS, where the file has a date
        return time.time() - os.stat(process).st_mtime
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(start[1]) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

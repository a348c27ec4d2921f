"""Asks the API server how a component stands: exits 0 when it's healthy, else 1 with the reason.

    python services/airflow/health.py http://127.0.0.1:8080 scheduler [FILE]

A component is healthy when its last heartbeat is younger than 30 s (metadatabase: when the
database answers) and younger than FILE, which its process wrote as it started: the heartbeat of
the process before is no sign of life of this one. Not urllib.request: four processes are asked
while they all start, and to import it takes as long as all the rest.
"""

from __future__ import annotations

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
"""Seconds for an answer."""


def main(url: str, component: str, process: str | None = None) -> int:
    """Return the exit status."""
    try:
        with closing(HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT)) as connection:
            connection.request("GET", "/api/v2/monitor/health")
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != 200:
            raise HTTPException(f"it answers {answer.status}")
        told = json.loads(body)[component]
    except (OSError, HTTPException, ValueError, KeyError) as error:
        print(f"Airflow's API server: {error}", file=sys.stderr)
        return 1
    beat = told.get(f"latest_{component}_heartbeat")
    if told["status"] != "healthy":
        reason = f"{told['status']}, last heartbeat: {beat or 'none yet'}"
    elif beat and process and _age(beat) > _running(process):
        reason = f"no heartbeat since it started, the last one: {beat}"
    else:
        return 0
    print(f"{component}: {reason}", file=sys.stderr)
    return 1


def _age(beat: str) -> float:
    """Seconds since a heartbeat."""
    return time.time() - datetime.fromisoformat(beat).timestamp()


def _running(process: str) -> float:
    """Seconds that a process runs, by a clock that nobody sets; endless without its file.

    services/alive.sh writes the file; a process of the release before has none.
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

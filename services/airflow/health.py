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
from contextlib import closing
from datetime import datetime
from http.client import HTTPConnection, HTTPException
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
    reason = None
    if told["status"] != "healthy":
        reason = f"{told['status']}, last heartbeat: {beat or 'none yet'}"
    elif beat and process and datetime.fromisoformat(beat).timestamp() < _started(process):
        reason = f"no heartbeat since it started, the last one: {beat}"
    if reason:
        print(f"{component}: {reason}", file=sys.stderr)
        return 1
    return 0


def _started(process: str) -> float:
    """Return when a process wrote its file; 0 without one, as the release before wrote none."""
    return os.stat(process).st_mtime if os.path.exists(process) else 0.0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

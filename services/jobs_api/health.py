"""Exits 0 when the Jobs API says that runs can start, else 1 with the reason."""

from __future__ import annotations

import http.client
import json
import sys

from contract.errors import PipelineError
from contract.settings import Settings

TIMEOUT = 5.0
"""Seconds; an answer takes a look at a small database."""


def main() -> int:
    """Return the exit status."""
    try:
        host, port = Settings.from_environ().jobs_api_listen
        connection = http.client.HTTPConnection(
            "127.0.0.1" if host == "0.0.0.0" else host, port, timeout=TIMEOUT
        )
        connection.request("GET", "/health")
        answer = connection.getresponse()
        reason = json.loads(answer.read())["reason"]
    except (PipelineError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        print(f"Jobs API: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if answer.status != 200:
        print(f"Jobs API: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the project's own HTTP services say of themselves: ``GET /health``.

200 when the service does its work, else 503; the body is a JSON object whose
``reason`` says why, in a line.
"""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable

from contract.errors import PipelineError
from contract.settings import Settings

TIMEOUT = 5.0
"""Seconds for an answer; more than a service takes to ask what stands behind it."""


def check(service: str, address: Callable[[Settings], tuple[str, int]]) -> int:
    """Ask a service on this machine; return the exit status of its health check.

    Args:
        service: its name, as the line on stderr begins when it isn't well.
        address: the host and port that the settings have it listen on.
    """
    try:
        host, port = address(Settings.from_environ())
        connection = http.client.HTTPConnection(
            "127.0.0.1" if host == "0.0.0.0" else host, port, timeout=TIMEOUT
        )
        connection.request("GET", "/health")
        answer = connection.getresponse()
        reason = json.loads(answer.read())["reason"]
    except (PipelineError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        print(f"{service}: {error}", file=sys.stderr)
        return 1
    if answer.status != 200:
        print(f"{service}: {reason}", file=sys.stderr)
        return 1
    return 0

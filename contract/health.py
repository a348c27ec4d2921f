"""The health check of the project's own HTTP services: ``GET /health``.

The status is 200 if the service does its work and else 503; the body is a JSON object with the
``reason`` in one line.
"""

import http.client
import json
import sys
from collections.abc import Callable

from contract.errors import PipelineError
from contract.settings import Settings

TIMEOUT = 5.0
"""Seconds for a response; more than a service needs to check the services behind it."""


def check(service: str, address: Callable[[Settings], tuple[str, int]]) -> int:
    """Check a service on this machine; return the exit status of its health check.

    Args:
        service: its name, with which the line on stderr begins if it is unhealthy.
        address: returns the host and port on which the service listens.
    """
    try:
        host, port = address(Settings.from_environ())
        connection = http.client.HTTPConnection(
            "127.0.0.1" if host == "0.0.0.0" else host, port, timeout=TIMEOUT
        )
        connection.request("GET", "/health")
        response = connection.getresponse()
        reason = json.loads(response.read())["reason"]
    except (PipelineError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        print(f"{service}: {error}", file=sys.stderr)
        return 1
    if response.status != 200:
        print(f"{service}: {reason}", file=sys.stderr)
        return 1
    return 0

"""Exits 0 when the proxy says that it reaches its broker, else 1 with the reason."""

from __future__ import annotations

import http.client
import json
import sys

from contract.errors import PipelineError
from contract.settings import Settings

TIMEOUT = 5.0
"""Seconds; more than the proxy waits for its broker."""


def main() -> int:
    """Return the exit status."""
    try:
        host, port = Settings.from_environ().rest_proxy_listen
        connection = http.client.HTTPConnection(
            "127.0.0.1" if host == "0.0.0.0" else host, port, timeout=TIMEOUT
        )
        connection.request("GET", "/health")
        answer = connection.getresponse()
        reason = json.loads(answer.read())["reason"]
    except (PipelineError, OSError, http.client.HTTPException, ValueError, KeyError) as error:
        print(f"REST proxy: {error}", file=sys.stderr)  # noqa: T201
        return 1
    if answer.status != 200:
        print(f"REST proxy: {reason}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Starts the REST proxy in the foreground: one process, one event loop.

SIGTERM or SIGINT stops it: it takes no more requests, lets the records on their way
arrive, closes its consumers and exits with 0.
"""

from __future__ import annotations

import gc
import os
import sys

import uvloop

from contract.program import exit_status
from contract.settings import Settings
from services import asgi
from services.rest_proxy.http.server import Server

CONNECTIONS = 1024
"""Requests in hand at a time; more wait in the socket's queue."""

LOGIN = 10.0
"""Seconds that a broker may take to accept or refuse the login before requests are taken anyway."""


async def serve(settings: Settings) -> None:
    """Serve until a signal asks for the end.

    Raises:
        LoginError: Kafka refuses the login.
    """
    application = Server(settings)
    if settings.kafka_auth != "none":
        await application.clients.metadata.log_in(LOGIN)
    # Requests make many short-lived objects and no cycles: look for cycles less often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    await asgi.serve(application, "REST proxy", settings.rest_proxy_listen, CONNECTIONS)
    await application.clients.close()


def main() -> int:
    """Return the exit status."""
    return exit_status(lambda: uvloop.run(serve(Settings.from_environ())))


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Threads of the Kafka clients may be waiting for a broker that is gone; nobody waits for them.
    os._exit(status)

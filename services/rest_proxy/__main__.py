"""Starts the REST proxy in the foreground: one process, one event loop.

SIGTERM or SIGINT stops it: it accepts no more requests, delivers the queued records, closes its
consumers and exits with 0.
"""

import gc
import os
import sys

import uvloop

from contract.hosts import Hosts
from contract.program import exit_status
from contract.settings import Settings
from services import asgi
from services.rest_proxy.http.server import Server

CONNECTIONS = 1024
"""Requests that are handled at a time; more wait in the socket's queue."""

LOGIN = 10.0
"""Seconds to wait for a broker to accept or refuse the login; then the proxy serves without it."""


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        LoginError: Kafka refuses the login.
    """
    application = Server(settings)
    if settings.kafka_auth != "none":
        await application.clients.metadata.log_in(LOGIN)
    # Requests create many short-lived objects and no cycles, so cycles are collected less often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    address, hosts = (
        settings.rest_proxy_listen,
        Hosts(settings.allowed_hosts, settings.kafka_rest_endpoint),
    )
    await asgi.serve(application, "REST proxy", address, CONNECTIONS, hosts)
    await application.clients.close()


def main() -> int:
    """Return the exit status."""
    return exit_status(lambda: uvloop.run(serve(Settings.from_environ())))


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # A normal exit would join the Kafka clients' threads, which may wait for a broker that is gone.
    os._exit(status)

"""Starts the REST proxy in the foreground: one process, one event loop.

SIGTERM or SIGINT stops it: it takes no more requests, lets the records on their way
arrive, closes its consumers and exits with 0.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server as HttpServer

from contract.errors import PipelineError
from contract.settings import Settings
from services.rest_proxy.server import Server

CONNECTIONS = 1024
"""Requests in hand at a time; more wait in the socket's queue."""

LOGIN = 10.0
"""Seconds that a broker may take to accept or refuse the login before requests are taken anyway."""


async def serve(settings: Settings) -> None:
    """Serve until a signal asks for the end.

    Raises:
        LoginError: Kafka refuses the login.
    """
    host, port = settings.rest_proxy_listen
    application = Server(settings)
    if settings.kafka_auth != "none":
        await application.clients.metadata.log_in(LOGIN)
    # Requests make many short-lived objects and no cycles: look for cycles less often.
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)
    server = HttpServer(
        application,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    print(f"REST proxy on http://{host}:{port}", file=sys.stderr, flush=True)  # noqa: T201
    await server.serve()
    await application.clients.close()


def main() -> int:
    """Return the exit status."""
    try:
        uvloop.run(serve(Settings.from_environ()))
    except PipelineError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # Threads of the Kafka clients may be waiting for a broker that is gone; nobody waits for them.
    os._exit(status)

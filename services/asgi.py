"""Serves an ASGI application in the foreground: one process, one event loop."""

import asyncio
import signal
import sys
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server


async def serve(application: Any, name: str, address: tuple[str, int], connections: int) -> None:
    """Serve until SIGTERM or SIGINT, then accept no more requests and return.

    Args:
        application: the ASGI application.
        name: the service's name in the first line on stderr.
        address: host and port to listen on.
        connections: requests that are handled at a time; more wait in the socket's queue.
    """
    host, port = address
    server = Server(
        application,
        address=host,
        port=port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        backlog=connections,
        backpressure=connections,
        log_level=LogLevels.error,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    print(f"{name} on http://{host}:{port}", file=sys.stderr, flush=True)
    await server.serve()

"""Serves an ASGI application in the foreground: one process, one event loop."""

import asyncio
import io
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from contract.hosts import SAFE_METHODS, Hosts
from contract.wire import JSON

BODY_TIMEOUT = 10.0
"""Seconds that a client may take to send a body; the connection is occupied meanwhile."""

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Any, Receive, Send], Awaitable[None]]


class HostCheck:
    """Answers 403 to requests that a web page of another site may have sent."""

    def __init__(self, application: Application, hosts: Hosts) -> None:
        self._application, self._hosts = application, hosts

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve a request."""
        headers = dict(scope["headers"])
        host, origin = (
            value.decode("latin-1") if (value := headers.get(name)) is not None else None
            for name in (b"host", b"origin")
        )
        reason = self._hosts.refusal(scope["method"] not in SAFE_METHODS, host, origin)
        if reason is None:
            await self._application(scope, receive, send)
            return
        content = json.dumps({"error_code": 403, "message": reason}).encode()
        kind = [(b"content-type", JSON.encode()), (b"content-length", b"%d" % len(content))]
        await send({"type": "http.response.start", "status": 403, "headers": kind})
        await send({"type": "http.response.body", "body": content})


class _Messages(io.FileIO):
    """Standard error that drops what a full disk does not take: messages must not stop work."""

    def write(self, content: Any) -> int:
        try:
            return super().write(content)
        except OSError:
            return len(content)


async def serve(
    application: Application, name: str, address: tuple[str, int], connections: int, hosts: Hosts
) -> None:
    """Serve until SIGTERM or SIGINT, then accept no more requests and return.

    Args:
        application: the ASGI application.
        name: the service's name in the first line on stderr.
        address: host and port to listen on.
        connections: requests that are handled at a time; more wait in the socket's queue.
        hosts: the names by which the service may be called.
    """
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_Messages(sys.stderr.fileno(), "wb", closefd=False)),
        errors="backslashreplace",
        line_buffering=True,
    )
    host, port = address
    server = Server(
        HostCheck(application, hosts),
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

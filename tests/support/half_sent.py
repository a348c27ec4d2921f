"""Connections that send half a request and stay open."""

import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from services.asgi import BODY_TIMEOUT
from tests.support.waiting import wait_for


@contextmanager
def half_sent(service: Any, heads: Iterable[str]) -> Iterator[None]:
    """Send the lines before each body, and one byte of it; the connections are open in the block.

    The service, which has a ``port``, must respond to others soon after the time for a body, and
    refuse the last of the bodies.
    """
    with ExitStack() as opened:
        for head in heads:
            client = socket.create_connection(("127.0.0.1", service.port), timeout=30)
            request = f"{head}\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
            opened.enter_context(client).sendall(request.encode())
        begun = time.monotonic()
        wait_for("the service to respond", lambda: service.health().returncode == 0, 30)
        assert time.monotonic() - begun < BODY_TIMEOUT + 5
        assert client.recv(12) == b"HTTP/1.1 408"
        yield

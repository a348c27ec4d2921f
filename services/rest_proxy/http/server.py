"""The HTTP side of the proxy: an ASGI application without a framework.

It reads a request's body within limits (of its size, of the size of all pending bodies, of time),
and turns a handler's result or exception into status, media type and JSON.
"""

import asyncio
import hmac
import sys
import traceback
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from confluent_kafka import KafkaException

from contract.secrets import secret
from contract.settings import Settings
from contract.wire import JSON, KAFKA_V2, REST_PROXY_SECRET
from services.asgi import BODY_TIMEOUT
from services.rest_proxy.clients import Clients
from services.rest_proxy.http.bodies import encode
from services.rest_proxy.http.errors import ApiError, Code, kafka_error
from services.rest_proxy.http.handlers import Call
from services.rest_proxy.http.media import media_type, negotiate
from services.rest_proxy.http.routes import Route, find

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Disconnected(Exception):
    """The client closed the connection in the middle of its request."""


class _BodySize:
    """The number of bytes of a request's body that have been read."""

    __slots__ = ("read",)

    def __init__(self) -> None:
        self.read = 0


class Server:
    """ASGI application. The event loop's thread creates it, as that thread drives the clients.

    Raises:
        SettingError: the file of REST_PROXY_SECRET_FILE cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self.clients = Clients(settings)
        file = settings.rest_proxy_secret_file
        self._secret = secret("REST_PROXY_SECRET_FILE", file).encode() if file else b""
        self._max_body_bytes = settings.rest_proxy_body_bytes
        self._max_pending_bytes = settings.rest_proxy_queue_bytes
        self._pending_bytes = 0
        """Bytes of the bodies of all requests that wait for their response."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        size = _BodySize()
        extra: dict[str, str] = {}
        try:
            if scope["path"] == "/health":
                status, kind, content = await self._health(scope["method"])
            else:
                status, kind, content = await self._call_handler(scope, headers, receive, size)
        except Disconnected:
            return
        except Exception as raised:
            error = _api_error(raised)
            status, kind, extra = error.status, KAFKA_V2, error.headers
            content = encode({"error_code": error.code, "message": error.message})
        finally:
            self._pending_bytes -= size.read
        await _send_response(send, status, kind, content, extra)

    async def _call_handler(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, size: _BodySize
    ) -> tuple[int, str, bytes]:
        if self._secret:
            given = headers.get(REST_PROXY_SECRET.encode(), b"")
            if not hmac.compare_digest(given, self._secret):
                raise ApiError(403)
        route, variables = find(scope["method"], scope["path"])
        accept = headers.get(b"accept", b"*/*").decode("latin-1")
        kind = negotiate(accept, route.response_types)
        content_type, body = "", b""
        if route.request_types:
            content_type = _content_type(route, headers)
            body = await self._read(headers, receive, size)
            if body and not content_type:
                raise ApiError(415)

        async def disconnected() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass

        call = Call(
            path=variables,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            content_type=content_type,
            accept=accept,
            base=f"{scope['scheme']}://{headers.get(b'host', b'localhost').decode('latin-1')}",
            disconnected=disconnected,
            body=body,
        )
        content = await route.handler(self.clients, call)
        return (204, kind, b"") if content is None else (200, kind, content)

    async def _read(self, headers: dict[bytes, bytes], receive: Receive, size: _BodySize) -> bytes:
        """Read the body; ``size.read`` counts its bytes as they arrive.

        Raises:
            ApiError: 413, it is too large; 50302, all pending ones are; 408, it does not arrive.
            Disconnected: the client closed the connection.
        """
        length = _content_length(headers)
        self._check_size(length or 0, 0)
        chunks = []
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Disconnected
                    chunk = message.get("body", b"")
                    self._check_size(size.read + len(chunk), size.read)
                    size.read += len(chunk)
                    self._pending_bytes += len(chunk)
                    if chunk:  # an empty last chunk would make join() copy the one before it
                        chunks.append(chunk)
                    # A complete body is not followed by one more receive(): for a request with
                    # one record, that is a sixth of its time.
                    more = message.get("more_body", False) and size.read != length
        except TimeoutError:
            raise ApiError(408) from None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def _check_size(self, length: int, counted: int) -> None:
        """Raise if a body of ``length`` bytes, ``counted`` of them read, exceeds a limit."""
        if length > self._max_body_bytes:
            raise ApiError(413)
        if self._pending_bytes - counted + length > self._max_pending_bytes:
            raise ApiError(Code.QUEUE_FULL)

    async def _health(self, method: str) -> tuple[int, str, bytes]:
        if method != "GET":
            raise ApiError(405)
        healthy, reason = await self.clients.health()
        status = "ok" if healthy else "unavailable"
        return 200 if healthy else 503, JSON, encode({"status": status, "reason": reason})


def _content_length(headers: dict[bytes, bytes]) -> int | None:
    """Return the body's length from the header; None for a body in chunks, or without a header."""
    if b"transfer-encoding" in headers or b"content-length" not in headers:
        return None
    return int(headers[b"content-length"])  # digits alone: the HTTP parser refuses others


def _content_type(route: Route, headers: dict[bytes, bytes]) -> str:
    """Return the media type of the body; empty if the client names none and needs none.

    Raises:
        ApiError: 415, the route does not accept it.
    """
    name = media_type(headers.get(b"content-type", b"").decode("latin-1"))
    if name not in route.request_types and (name or route.needs_body):
        raise ApiError(415)
    encoding = headers.get(b"content-encoding", b"identity").decode("latin-1")
    if encoding != "identity":
        message = f"Content-Encoding {encoding[:40]!r} is not supported: send the body without it"
        raise ApiError(415, message=message)
    return name


def _api_error(raised: Exception) -> ApiError:
    if isinstance(raised, ApiError):
        return raised
    if isinstance(raised, KafkaException):
        return kafka_error(raised)
    traceback.print_exception(raised, file=sys.stderr)
    return ApiError(500)


async def _send_response(
    send: Send, status: int, kind: str, content: bytes, extra: dict[str, str]
) -> None:
    """Send a response; 204 has no content."""
    headers = []
    if status != 204:
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(content))]
    headers += [(name.encode(), value.encode()) for name, value in extra.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})

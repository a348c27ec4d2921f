"""Calls that carry records, from the client to the Kinesis engine without a detour.

Stock, LocalStack reads each call into objects, writes and signs it again for the
engine, and does the same with the answer: 5 ms of processor time a call, where
1 ms does. The engine speaks the same protocol, so the bytes are passed on as
they are, and back.
"""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.utils.aws.request_context import extract_access_key_id_from_auth_header
from patches import kinesis_engine
from rolo.serving.twisted import WebsocketResourceDecorator
from twisted.internet import reactor
from twisted.python.failure import Failure
from twisted.web.client import Agent, FileBodyProducer, HTTPConnectionPool, readBody
from twisted.web.server import NOT_DONE_YET

from localstack import config

CALLS = frozenset(
    f"Kinesis_20131202.{name}".encode()
    for name in ("PutRecord", "PutRecords", "GetRecords", "GetShardIterator")
)
OWN = (b"connection", b"content-length", b"host", b"transfer-encoding", b"accept-encoding")
"""Headers of one connection, which are not passed on."""
DATE = b"x-amz-date"
CONNECTIONS = 32
"""Connections to the engine that are kept open."""
JSON = b"application/x-amz-json-1.1"


def install() -> None:
    """Pass them on from now on, for the account whose engine has a port of its own."""
    if config.KINESIS_ERROR_PROBABILITY:
        return  # it is LocalStack that makes the errors
    render = WebsocketResourceDecorator.render
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = CONNECTIONS
    # Before the engine does it: a call that crosses with the end of its connection isn't repeated.
    pool.cachedConnectionTimeout = kinesis_engine.IDLE - 1
    agent = Agent(reactor, pool=pool)

    def rendered(resource: Any, request: Any) -> Any:
        url = _engine_of(request)
        if url is None:
            return render(resource, request)
        _pass_on(agent, url, request)
        return NOT_DONE_YET

    WebsocketResourceDecorator.render = rendered


def _engine_of(request: Any) -> bytes | None:
    """Return the engine's URL, or None for what LocalStack answers itself."""
    if (
        request.getHeader(b"x-amz-target") not in CALLS
        or request.getHeader(b"content-type") != JSON
    ):
        return None
    engine = kinesis_engine.first()
    if engine is None:
        return None
    signed = {"Authorization": request.getHeader("authorization")}
    key = extract_access_key_id_from_auth_header(signed)
    if key is None or get_account_id_from_access_key_id(key) != engine.account_id:
        return None
    return str(engine.url).encode()


def _pass_on(agent: Agent, url: bytes, request: Any) -> None:
    headers = request.requestHeaders.copy()
    for name in OWN:
        headers.removeHeader(name)
    if not headers.hasHeader(DATE):  # API Gateway's own calls have none, and the engine wants one
        headers.setRawHeaders(DATE, [b"20260101T000000Z"])
    gone: list[Failure] = []
    request.notifyFinish().addErrback(gone.append)
    body = FileBodyProducer(BytesIO(request.content.read()))
    answer = agent.request(b"POST", url, headers, body)

    def read(response: Any) -> Any:
        request.setResponseCode(response.code)
        for name, values in response.headers.getAllRawHeaders():
            if name.lower() not in OWN:
                request.responseHeaders.setRawHeaders(name, values)
        return readBody(response)

    def failed(failure: Failure) -> bytes:
        # As AWS says it; a client tries again.
        request.setResponseCode(500)
        request.responseHeaders.setRawHeaders(b"content-type", [JSON])
        reason = f"the engine: {failure.getErrorMessage()}"
        return json.dumps({"__type": "InternalFailure", "message": reason}).encode()

    def finish(content: bytes) -> None:
        if not gone:
            request.setHeader(b"content-length", str(len(content)).encode())
            request.write(content)
            request.finish()

    answer.addCallback(read).addErrback(failed).addCallback(finish)

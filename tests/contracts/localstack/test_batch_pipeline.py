"""/{proxy+}: requests reach the REST proxy, and responses the client, unchanged."""

import gzip
import hashlib

import pytest
import requests

from contract import wire
from tests.support.localstack import LocalStack
from tests.support.upstream import Answer, Upstream

TEXT = '{"records":[{"value":{"title":"é 漢 😀","quote":"\\" \\\\","n":1.50}}]}'.encode()
BINARY = bytes(range(256)) * 4

BODIES = {
    wire.KAFKA_JSON: TEXT,
    wire.KAFKA_BINARY: b'{"records":[{"value":"AAEC/w=="}]}',
    "application/octet-stream": BINARY,
    wire.JSON: b"{not json",
    "text/plain": b"",
}


@pytest.mark.parametrize("content_type", BODIES)
def test_the_request_passes_unchanged(
    localstack: LocalStack, upstream: Upstream, http: requests.Session, content_type: str
) -> None:
    headers = {"Content-Type": content_type, "Accept": wire.KAFKA_V2, "X-Trace": "7528"}
    http.post(
        f"{localstack.api}/topics/a.pin", data=BODIES[content_type], headers=headers
    ).raise_for_status()
    (received,) = upstream.received
    assert (received.method, received.path) == ("POST", "/topics/a.pin")
    assert received.body == BODIES[content_type]
    assert received.headers["content-type"] == content_type
    assert received.headers["accept"] == wire.KAFKA_V2
    assert received.headers["x-trace"] == "7528"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_every_method_passes(
    localstack: LocalStack, upstream: Upstream, http: requests.Session, method: str
) -> None:
    assert http.request(method, f"{localstack.api}/consumers/g").status_code == 200
    (received,) = upstream.received
    assert (received.method, received.path) == (method, "/consumers/g")


PATHS = [
    "/topics",
    "/topics/a.b-c_d",
    "/a/b/c/d",
    "/topics/a%20b",
    "/consumers/g/instances/i/records?timeout=10&max_bytes=5",
    "/t?x=1&x=2",
    "/t?x=%C3%A9",
]


@pytest.mark.parametrize("path", PATHS)
def test_path_and_query_pass(
    localstack: LocalStack, upstream: Upstream, http: requests.Session, path: str
) -> None:
    http.get(localstack.api + path).raise_for_status()
    (received,) = upstream.received
    assert received.path == path


ANSWERS = [200, 204, 301, 400, 404, 406, 409, 415, 422, 429, 500, 503]


@pytest.mark.parametrize("status", ANSWERS)
def test_the_response_passes_unchanged(
    localstack: LocalStack, upstream: Upstream, http: requests.Session, status: int
) -> None:
    body = b"" if status == 204 else f'{{"error_code":{status},"message":"é"}}'.encode()
    headers = {"Content-Type": wire.KAFKA_V2, "Location": "/elsewhere"}
    upstream.answer = Answer(status, headers, body)
    answer = http.post(f"{localstack.api}/topics/a.pin", data=b"{}", allow_redirects=False)
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers["Content-Type"] == wire.KAFKA_V2
    assert len(upstream.received) == 1


def test_a_binary_response_passes_unchanged(
    localstack: LocalStack, upstream: Upstream, http: requests.Session
) -> None:
    octets = {"Content-Type": "application/octet-stream"}
    upstream.answer = Answer(headers=octets, body=BINARY)
    assert http.get(f"{localstack.api}/x", headers={"Accept": octets["Content-Type"]}).content == (
        BINARY
    )


def test_a_compressed_response_is_readable(
    localstack: LocalStack, upstream: Upstream, http: requests.Session
) -> None:
    headers = {"Content-Type": wire.KAFKA_V2, "Content-Encoding": "gzip"}
    upstream.answer = Answer(headers=headers, body=gzip.compress(TEXT))
    assert http.get(f"{localstack.api}/x").content == TEXT


def test_no_cookie_goes_from_one_client_to_another(
    localstack: LocalStack, upstream: Upstream, http: requests.Session
) -> None:
    upstream.answer = Answer(headers={"Set-Cookie": "who=first; Path=/"})
    requests.get(f"{localstack.api}/x", timeout=30)
    requests.get(f"{localstack.api}/x", timeout=30)
    assert [received.headers.get("cookie") for received in upstream.received] == [None, None]


def test_nine_megabytes_pass(
    localstack: LocalStack, upstream: Upstream, http: requests.Session
) -> None:
    body = TEXT * (9_000_000 // len(TEXT))
    http.post(
        f"{localstack.api}/topics/a.pin",
        data=body,
        headers={"Content-Type": wire.KAFKA_JSON},
        timeout=60,
    ).raise_for_status()
    (received,) = upstream.received
    assert hashlib.sha256(received.body).digest() == hashlib.sha256(body).digest()


def test_more_than_ten_megabytes_are_rejected(
    localstack: LocalStack, upstream: Upstream, http: requests.Session
) -> None:
    body = b"x" * (10 * 1024 * 1024 + 1)
    answer = http.post(f"{localstack.api}/topics/a.pin", data=body, timeout=60)
    assert answer.status_code == 413
    assert upstream.received == []

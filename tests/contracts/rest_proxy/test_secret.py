"""REST_PROXY_SECRET_FILE: only API Gateway, which sends the secret, may call the proxy."""

from collections.abc import Callable
from pathlib import Path

from contract.wire import KAFKA_JSON, REST_PROXY_SECRET
from tests.support.rest_proxy import Proxy, request

SECRET = "0123456789abcdef"


def test_a_request_without_the_secret_is_forbidden(
    start_proxy: Callable[..., Proxy], topic: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    proxy = start_proxy(REST_PROXY_SECRET_FILE=str(file))
    body = b'{"records": [{"value": 1}]}'

    def status(method: str, path: str, **headers: str) -> tuple[int, bytes]:
        content = body if method == "POST" else None
        given = {"Content-Type": KAFKA_JSON} if content else {}
        found = request(proxy.port, method, path, content, given | headers)
        return found.status, found.body

    forbidden = (403, b'{"error_code":403,"message":"HTTP 403 Forbidden"}')
    for method, path in (("GET", "/topics"), ("POST", f"/topics/{topic}"), ("GET", "/nothing")):
        for headers in ({}, {REST_PROXY_SECRET: ""}, {REST_PROXY_SECRET: f"{SECRET}x"}):
            assert status(method, path, **headers) == forbidden
    assert status("POST", f"/topics/{topic}", **{REST_PROXY_SECRET: SECRET})[0] == 200
    assert status("GET", "/health")[0] == 200

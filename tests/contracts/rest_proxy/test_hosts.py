"""The real proxy refuses web pages of other sites, and serves its clients by every name."""

from collections.abc import Callable

from tests.support.hosts import ALLOWED, FOREIGN_HOSTS, accepted, refused
from tests.support.rest_proxy import Proxy


def test_pages_are_refused_and_clients_are_not(start_proxy: Callable[..., Proxy]) -> None:
    proxy = start_proxy(ALLOWED_HOSTS=ALLOWED, KAFKA_REST_ENDPOINT="http://proxy.example:8082")
    for number, headers in enumerate(refused(proxy.port)):
        if "Sec-Fetch-Site" in headers:
            continue  # only a GET that changes needs it, and the proxy has none
        response = proxy.call("POST", f"/consumers/page{number}", None, headers)
        assert response.status == 403, headers
        assert response.json["error_code"] == 403
    for host in FOREIGN_HOSTS:
        assert proxy.call("GET", "/topics", None, {"Host": host}).status in (400, 403), host
    for number, headers in enumerate([*accepted(proxy.port), {"Host": "proxy.example"}]):
        path = f"/consumers/client{number}"
        created = proxy.call("POST", path, None, headers)
        assert created.status == 200, (headers, created.body)
        assert created.json["base_uri"].startswith(f"http://{headers['Host']}{path}/")

"""The real service refuses web pages of other sites, its own pages and its clients it serves."""

import json
from collections.abc import Callable

from tests.support.databricks import TOKEN, JobsApi
from tests.support.hosts import ALLOWED, FOREIGN_HOSTS, accepted, refused
from tests.support.rest_proxy import request


def test_pages_are_refused_and_clients_are_not(start_api: Callable[..., JobsApi]) -> None:
    api = start_api(ALLOWED_HOSTS=ALLOWED, DATABRICKS_HOST="http://workspace.example:8085")
    login = {"Authorization": f"Bearer {TOKEN}"}
    call, body = "/api/2.1/jobs/runs/delete", json.dumps({"run_id": 99}).encode()
    for headers in refused(api.port):
        if "Sec-Fetch-Site" in headers:
            continue  # only a GET that changes needs it, and the service has none
        response = request(api.port, "POST", call, body, login | headers)
        assert response.status == 403, headers
        assert "ALLOWED_HOSTS" in response.json["message"]
    for host in FOREIGN_HOSTS:
        for path in ("/", "/api/2.1/jobs/list"):
            status = request(api.port, "GET", path, None, login | {"Host": host}).status
            assert status in (400, 403), (host, path)
    for headers in [*accepted(api.port), {"Host": "workspace.example"}]:
        response = request(api.port, "POST", call, body, login | headers)
        assert "Run 99 does not exist" in response.json["message"], headers
        assert request(api.port, "GET", "/", None, headers).status == 200, headers

"""Requests that a web page of another site may have sent: every service answers 403.

Stock, LocalStack accepts any Host, and checks the Origin neither for S3 and API Gateway nor for the
calls that ``kinesis_records`` passes on. This module is the last of ``PATCHES``, so it comes before
all of them.
"""

import json
from typing import Any

from rolo.serving.twisted import WebsocketResourceDecorator

from contract.hosts import SAFE_METHODS, Hosts
from patches.start import Start

API_HOSTS = (
    "*.execute-api.*.amazonaws.com",
    "*.execute-api.*.amazonaws.com.cn",
    "*.execute-api.localhost.localstack.cloud",
)
"""Names of a REST API on AWS, to which a hosts file or a proxy may lead, and LocalStack's."""


def install(start: Start) -> None:
    """Check each request before LocalStack sees it."""
    settings = start.settings
    hosts = Hosts(settings.allowed_hosts, settings.gateway_invoke_url, *API_HOSTS)
    render = WebsocketResourceDecorator.render

    def rendered(resource: Any, request: Any) -> Any:
        # A call of IAM and of CloudFormation may be a GET, which a page sends without an Origin.
        changes = request.method.decode() not in SAFE_METHODS or b"Action" in request.args
        headers = map(request.getHeader, ("host", "origin", "sec-fetch-site"))
        reason = hosts.refusal(changes, *headers)
        if reason is None:
            return render(resource, request)
        request.setResponseCode(403)
        request.setHeader("content-type", "application/json")
        return json.dumps({"message": reason}).encode()

    WebsocketResourceDecorator.render = rendered

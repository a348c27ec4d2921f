"""Connections of API Gateway to what stands behind it, kept open.

Stock, LocalStack opens a session and a connection for each request to the REST
proxy, to itself and to the Kinesis engine, which is half of the time of a
request; and it asks for the credentials of the integration's role each time.
Two more things are put right for the REST proxy, as on AWS: the answer
of a redirect is passed on and not followed, and an answer that takes longer
than 29 s becomes a 504.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from http.cookiejar import DefaultCookiePolicy
from types import SimpleNamespace
from typing import Any

import requests
from localstack.aws import forwarder
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    IntegrationTimeoutError,
)
from localstack.services.apigateway.next_gen.execute_api.integrations import aws, http
from rolo.client import SimpleRequestsClient
from rolo.proxy import Proxy

TIMEOUT = 29
"""Seconds that an integration may take on AWS."""


def session() -> requests.Session:
    """Return a session that carries nothing from one request to another."""
    made = requests.Session()
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    made.trust_env = False  # no proxy and no .netrc of the user
    return made


def install() -> None:
    """Keep the connections open from now on."""
    outside, inside = session(), session()

    def request(**arguments: Any) -> requests.Response:
        try:
            return outside.request(**arguments, timeout=TIMEOUT, allow_redirects=False)
        except requests.Timeout as error:
            raise IntegrationTimeoutError("Endpoint request timed out") from error

    http.requests = SimpleNamespace(request=request, exceptions=requests.exceptions)
    aws.get_internal_mocked_headers = _kept(aws.get_internal_mocked_headers)
    aws.requests = SimpleNamespace(request=inside.request)
    forwarder.Proxy = partial(Proxy, client=SimpleRequestsClient(session()))


def _kept(headers: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """Make the headers of an integration's calls once: they name its role's credentials."""
    made = lru_cache(maxsize=1000)(headers)
    return lambda **integration: dict(made(**integration))

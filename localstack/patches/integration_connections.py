"""API Gateway's connections to its integrations: they stay open.

Stock, LocalStack opens a connection for each request to the REST proxy, to itself and to the
Kinesis engine, which takes half of a request's time, and it fetches the credentials of the
integration's role each time. For the REST proxy two more things are as on AWS: a redirect is
passed on and not followed, and a response that takes longer than 29 s becomes a 504.
"""

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

from patches.start import Start

TIMEOUT = 29
"""Seconds that an integration may take on AWS."""


def new_session() -> requests.Session:
    """Return a session that carries nothing from one request to another."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = False  # no proxy and no .netrc of the user
    return session


def install(start: Start) -> None:
    """Use one session for each kind of integration."""
    http_session, aws_session = new_session(), new_session()

    def request(**arguments: Any) -> requests.Response:
        try:
            return http_session.request(**arguments, timeout=TIMEOUT, allow_redirects=False)
        except requests.Timeout as error:
            raise IntegrationTimeoutError("Endpoint request timed out") from error

    http.requests = SimpleNamespace(request=request, exceptions=requests.exceptions)
    aws.get_internal_mocked_headers = _cached(aws.get_internal_mocked_headers)
    aws.requests = SimpleNamespace(request=aws_session.request)
    forwarder.Proxy = partial(Proxy, client=SimpleRequestsClient(new_session()))


def _cached(headers: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """Compute the headers of an integration once: they contain its role's credentials."""
    cached = lru_cache(maxsize=1000)(headers)
    return lambda **integration: dict(cached(**integration))

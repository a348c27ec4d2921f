"""One LocalStack for the tier, and a real server behind its REST API."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.support.localstack import LocalStack
from tests.support.upstream import Answer, Upstream


@pytest.fixture(scope="session")
def upstream_server() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def upstream(upstream_server: Upstream) -> Upstream:
    """The server behind the REST API, without requests and with its default response."""
    upstream_server.received.clear()
    upstream_server.answer = Answer()
    return upstream_server


@pytest.fixture(scope="session")
def localstack(
    upstream_server: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("local stack"), upstream_server.url) as started:
        yield started


@pytest.fixture(scope="session")
def s3(localstack: LocalStack) -> Iterator[Any]:
    client = localstack.client("s3")
    yield client
    client.close()


@pytest.fixture(scope="session")
def kinesis(localstack: LocalStack) -> Iterator[Any]:
    client = localstack.client("kinesis")
    yield client
    client.close()


@pytest.fixture(scope="session")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session

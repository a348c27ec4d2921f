"""One broker for all tests of the REST proxy, and one proxy with the default settings."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count

import pytest

from tests.support.program import Service
from tests.support.rest_proxy import Proxy, broker, create_topic

_numbers = count()
_ports = count(22021)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The real broker. A test that stops it starts it again."""
    with broker(tmp_path_factory.mktemp("kafka")) as service:
        yield service


@pytest.fixture(scope="session")
def proxy(kafka: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """The real proxy with its default settings, except for a shorter message timeout."""
    folder = tmp_path_factory.mktemp("proxy")
    with Proxy(folder, 22020, REST_PROXY_MESSAGE_TIMEOUT_MS="3000") as service:
        yield service


@pytest.fixture
def start_proxy(
    kafka: Service, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Proxy]]:
    """Start a proxy with a test's own settings; it is stopped after the test."""
    with ExitStack() as started:

        def start(**settings: str) -> Proxy:
            return started.enter_context(
                Proxy(tmp_path_factory.mktemp("proxy"), next(_ports), **settings)
            )

        yield start


@pytest.fixture
def topic(kafka: Service) -> str:
    """A new topic with one partition."""
    return create_topic(f"topic-{next(_numbers)}")


@pytest.fixture
def wide_topic(kafka: Service) -> str:
    """A new topic with three partitions."""
    return create_topic(f"wide-{next(_numbers)}", 3)


@pytest.fixture
def group() -> str:
    """The name of an unused consumer group."""
    return f"group-{next(_numbers)}"

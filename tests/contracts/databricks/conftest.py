"""One Jobs API for the tests that need no settings of their own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.databricks import JobsApi


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsApi]:
    """The running service."""
    with JobsApi(tmp_path_factory.mktemp("databricks")) as service:
        yield service


@pytest.fixture
def start_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., JobsApi]]:
    """Start a service with settings of the test's own; it is stopped after the test."""
    with ExitStack() as started:

        def start(**settings: str) -> JobsApi:
            return started.enter_context(JobsApi(tmp_path_factory.mktemp("databricks"), **settings))

        yield start

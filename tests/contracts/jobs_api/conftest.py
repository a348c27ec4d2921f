"""One Jobs API for the tests that need no settings of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contracts.jobs_api.running import JobsApi


@pytest.fixture(scope="session")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsApi]:
    """The running service."""
    service = JobsApi(tmp_path_factory.mktemp("jobs_api"))
    try:
        service.start()
        yield service
    finally:
        service.stop()


@pytest.fixture
def start_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., JobsApi]]:
    """Start a service with settings of the test's own; it is stopped after the test."""
    started = []

    def start(**settings: str) -> JobsApi:
        service = JobsApi(tmp_path_factory.mktemp("jobs_api"), **settings)
        started.append(service)
        service.start()
        return service

    yield start
    for service in started:
        service.stop()

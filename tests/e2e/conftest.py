"""The target: a stack of the session, or the deployment of .env.aws and the environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PERSON, RUN
from tests.support.e2e import here
from tests.support.e2e.footprint import Footprint
from tests.support.e2e.target import PATIENCE, Target, TargetError, target_variables

TEST_LIMIT = 300
"""Seconds for a test and its fixtures, times the patience of the target."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    limit = TEST_LIMIT * PATIENCE[config.getoption("--target")]
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(limit))


@pytest.fixture(scope="session")
def client(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> dict[str, str]:
    """Variables of a client of the target."""
    if pytestconfig.getoption("--target") == "local":
        return here.variables(request.getfixturevalue("stack"))
    try:
        return target_variables(pytestconfig.stash[PERSON])
    except TargetError as error:
        pytest.exit(f"--target aws:\n{error}", returncode=pytest.ExitCode.USAGE_ERROR)


@pytest.fixture(scope="session")
def target(
    pytestconfig: pytest.Config, client: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """The deployment with the topics and streams of the run, which are removed afterwards."""
    patience = PATIENCE[pytestconfig.getoption("--target")]
    folder = tmp_path_factory.mktemp("target")
    run = Target(client, pytestconfig.stash[RUN], patience, folder)
    footprint = Footprint(run)
    try:
        footprint.make()
        yield run
    finally:
        footprint.remove()

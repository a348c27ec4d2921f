"""The foreign programs run in the image of the Databricks service as they do in its processes."""

import os
import subprocess
import sys

import pytest

from tests.conftest import Stack
from tests.support import ROOT

LIMIT = 1500
"""Seconds for all programs on a busy machine."""

pytestmark = [pytest.mark.long, pytest.mark.containers, pytest.mark.timeout(LIMIT + 60)]


def test_foreign_programs_in_the_image(stack: Stack) -> None:
    """The same tests, with the same LocalStack and database, against a container."""
    project = stack.variables["COMPOSE_PROJECT_NAME"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/contracts/databricks/test_foreign.py", "-q"],
        cwd=ROOT,
        env={**os.environ, "DATABRICKS_IMAGE": f"{project}/databricks:dev"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout[-20_000:]

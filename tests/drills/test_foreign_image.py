"""The foreign programs run in the image of the Databricks service as they do in its processes."""

import os
import subprocess
import sys

import pytest

from pinpipe.engines.docker_cli import DockerCli
from tests.support import ROOT

LIMIT = 2400
"""Seconds for an image and all programs on a busy machine."""

pytestmark = [pytest.mark.long, pytest.mark.containers, pytest.mark.timeout(LIMIT + 60)]


def test_foreign_programs_in_the_image() -> None:
    """The same tests, with LocalStack and the database as processes."""
    project = "pinterest-test-image"
    DockerCli(ROOT, os.environ | {"COMPOSE_PROJECT_NAME": project}).compose("build", "databricks")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/contracts/databricks/test_foreign.py", "-q"],
        cwd=ROOT,
        env={**os.environ, "DATABRICKS_IMAGE": f"{project}/databricks:dev"},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout[-20_000:]

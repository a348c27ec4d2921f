"""The whole stack with logins at Kafka: ``pinpipe up --secure``, then ``pinpipe demo``.

In containers; how each service logs in without them is in tests/contracts/kafka_login.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import engine
from stack.docker_cli import DockerCli
from tests.conftest import ROOT, engine_name, own_variables, pinpipe

POSTS = 50
LIMIT = 900
"""Seconds that each of the two commands may take."""

pytestmark = [pytest.mark.long, pytest.mark.containers, pytest.mark.timeout(2 * LIMIT + 100)]


@pytest.fixture
def variables(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a stack of this test's own, which is gone at the end."""
    name = engine_name(pytestconfig)
    found = own_variables(tmp_path) | {"ENGINE": name}
    found["COMPOSE_PROJECT_NAME"] = f"pinterest-test-{uuid.uuid4().hex[:8]}"
    yield found
    engine.choose(print, found).down(forget=True)
    if name == "docker":
        DockerCli(ROOT, found).compose("--profile", "*", "down", "--rmi", "all")


def test_both_roads_agree_over_logins(variables: dict[str, str]) -> None:
    started = pinpipe(variables, "up", "--secure", timeout=LIMIT)
    assert started.returncode == 0, started.stderr
    assert "KAFKA_AUTH=iam" in started.stderr
    shown = pinpipe(variables, "demo", "--posts", str(POSTS), timeout=LIMIT)
    assert shown.returncode == 0, f"{shown.stdout}\n{shown.stderr}"
    assert "rows equal on both roads" in shown.stdout

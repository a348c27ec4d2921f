"""A stack that the release before has started: this one ends it, starts it, and finds its data."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES
from stack import engine
from stack.docker_cli import DockerCli
from stack.hops import kafka, objects, tables
from stack.hops.access import Access
from stack.waiting import wait_for
from tests.conftest import OF_ACCOUNTS, ROOT, engine_name, own_variables, pinpipe

BEFORE = "abda5642a277d03cd30d0e6420748934f7854e0e"
"""The last commit of the release before."""
POSTS = 20
LIMIT = 900
"""Seconds that a start may take, images built."""

pytestmark = [pytest.mark.long, pytest.mark.timeout(3 * LIMIT)]


@pytest.fixture
def before(tmp_path: Path) -> Iterator[Path]:
    """A checkout of the release before, with the environments of this one."""
    folder = tmp_path / "before"
    git = ("git", "-C", str(ROOT), "worktree")
    subprocess.run((*git, "add", "--quiet", "--detach", str(folder), BEFORE), check=True)
    for shared in (".venv", ".build"):
        (folder / shared).symlink_to(ROOT / shared)
    yield folder
    subprocess.run((*git, "remove", "--force", str(folder)), check=True)


@pytest.fixture
def variables(pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Variables of a stack of this test's own, which is gone at the end."""
    name = engine_name(pytestconfig)
    # Without the marked keys, which the release before would take for its own.
    found = {k: v for k, v in own_variables(tmp_path / "run").items() if k not in OF_ACCOUNTS}
    found["ENGINE"] = name
    found["COMPOSE_PROJECT_NAME"] = f"pinterest-test-{uuid.uuid4().hex[:8]}"
    yield found
    engine.choose(print, found).down(forget=True)
    if name == "docker":
        DockerCli(ROOT, found).compose("--profile", "*", "down", "--rmi", "all")


def run(folder: Path, variables: Mapping[str, str], *arguments: str) -> None:
    """Run ``pinpipe`` of a checkout."""
    done = subprocess.run(
        (sys.executable, "-m", "stack.cli", *arguments),
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}\n{done.stderr}"


def held(access: Access) -> dict[str, int]:
    """Rows of each entity in its topic, in objects and in the table of the streaming pipeline."""
    found: dict[str, int] = {}
    for entity in ENTITIES:
        topic = names.topic(access.settings.user_id, entity)
        first, end = kafka.offsets(access, topic)
        found[f"kafka {entity.name}"] = sum(end.values()) - sum(first.values())
        found[f"s3 {entity.name}"] = sum(1 for _ in objects.records_from(access, topic, first))
        found[f"delta {entity.name}"] = len(tables.keys(access, entity, "streaming"))
    return found


def test_down_and_up_find_what_was_sent(before: Path, variables: dict[str, str]) -> None:
    run(before, variables, "up")
    for program in ("batch", "streaming"):
        run(before, variables, "emulate", program, "--count", str(POSTS), "--rate", "max")
    access = Access(engine.choose(print, variables).client_environment)
    sent = {name: POSTS for name in held(access)}
    wait_for("the posts to be stored", lambda: held(access) == sent, 120, 1)

    status = pinpipe(variables, "status")
    assert status.returncode == 0, status.stdout
    down = pinpipe(variables, "down", timeout=LIMIT)
    assert down.returncode == 0, down.stderr
    assert not engine.choose(print, variables).runs()
    up = pinpipe(variables, "up", timeout=LIMIT)
    assert up.returncode == 0, up.stderr
    assert held(Access(engine.choose(print, variables).client_environment)) == sent
    more = pinpipe(variables, "emulate", "batch", "--count", "1", "--rate", "max")
    assert more.returncode == 0, more.stderr

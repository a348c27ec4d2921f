"""The keys of accounts in a person's shell reach no part of the stack.

The session runs with marked keys in its environment (``own_stack`` in tests/conftest.py).
"""

import contextlib
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest

from hops import airflow, databricks
from pinpipe.engines import run_folder
from tests.conftest import MARKER, OF_ACCOUNTS, Stack

OF_THE_TESTS = "compose.env"
"""File in the run folder with the marked keys, which the session passes to Compose."""


def files_with(stack: Stack, text: str) -> list[Path]:
    """Files of the run folder that contain a text."""
    found = []
    walked = os.walk(stack.variables["RUN_DIR"])
    for path in (Path(folder, name) for folder, _, names in walked for name in names):
        with contextlib.suppress(FileNotFoundError):  # the services are running
            ours = path.is_file() and not path.is_symlink() and path.name != OF_THE_TESTS
            if ours and text.encode() in path.read_bytes():
                found.append(path)
    return found


def processes(stack: Stack) -> list[psutil.Process]:
    """Every process of the stack, on this machine."""
    services = [psutil.Process(status.pid) for status in stack.engine.status() if status.pid]
    return [process for s in services for process in (s, *s.children(recursive=True))]


@pytest.mark.processes
def test_no_process_has_them(stack: Stack) -> None:
    assert {stack.variables[name] for name in OF_ACCOUNTS} == {MARKER}
    signing = set()
    for process in processes(stack):
        with contextlib.suppress(psutil.NoSuchProcess):
            environment = process.environ()
            assert [n for n, value in environment.items() if MARKER in value] == [], process
            signing.add(environment.get("AWS_ACCESS_KEY_ID"))
    assert "test" in signing


def test_no_file_of_the_run_folder_has_them(stack: Stack) -> None:
    stack.engine.outbox()  # with Docker it is copied out of the emulator's volume
    assert files_with(stack, MARKER) == []
    left = {path.name for path in Path(stack.variables["RUN_DIR"]).iterdir()}
    assert left - {OF_THE_TESTS} <= run_folder.NAMES


@pytest.mark.processes
def test_a_file_that_holds_a_secret_is_for_its_owner_alone(stack: Stack) -> None:
    for secret in (databricks.token(stack.engine), airflow.password(stack.engine)):
        holding = files_with(stack, secret)
        assert holding
        modes = {str(path): oct(stat.S_IMODE(path.stat().st_mode)) for path in holding}
        assert {path for path, mode in modes.items() if int(mode, 8) & run_folder.OTHERS} == set()


def docker(*arguments: str, check: bool = True) -> str:
    command = ("docker", *arguments)
    return subprocess.run(command, capture_output=True, text=True, check=check).stdout


@pytest.mark.containers
def test_no_container_and_no_volume_has_them(stack: Stack) -> None:
    label = f"label=com.docker.compose.project={stack.variables['COMPOSE_PROJECT_NAME']}"
    ids = docker("ps", "--all", "--quiet", "--filter", label).split()
    inspected = docker("inspect", *ids)
    assert "AWS_ACCESS_KEY_ID=test" in inspected
    assert MARKER not in inspected

    token = databricks.token(stack.engine)
    holding: dict[str, set[str]] = {MARKER: set(), token: set()}
    seen: set[str] = set()
    containers: list[dict[str, Any]] = json.loads(inspected)
    for container in containers:
        mounts = {m["Destination"]: m["Name"] for m in container["Mounts"] if m["Type"] == "volume"}
        if not container["State"]["Running"] or not mounts:
            continue
        seen |= set(mounts.values())
        for text, places in holding.items():
            # -s: a file may be removed meanwhile.
            command = ("exec", container["Id"], "grep", "-rslF", "-e", text, *mounts)
            places |= set(docker(*command, check=False).split())
    volumes = set(docker("volume", "ls", "--quiet", "--filter", label).split())
    assert {name.partition("_")[2] for name in volumes - seen} <= {"emulator"}
    assert "/app/.run/data/jobs_api_token/token" in holding[token]
    assert holding[MARKER] == set()

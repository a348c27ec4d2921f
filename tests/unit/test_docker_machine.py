"""What a machine with Docker may lack, each in one line with the remedy."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from stack import docker_machine
from stack.docker import DockerEngine
from stack.docker_machine import Facts, lacking, mebibytes

ROOT = Path(__file__).resolve().parents[2]
GOOD = Facts(client=True, engine="29.1.3", compose="v5.0.1", memory=8 << 30)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (GOOD, []),
        (replace(GOOD, engine="25.0", compose="2.24.0", memory=4 << 30), []),
        (Facts(client=False, engine=None, compose=None), ["there is no docker command"]),
        (replace(GOOD, engine=None), ["no Docker engine answers"]),
        (replace(GOOD, engine="24.0.9"), ["the Docker engine is 24.0.9"]),
        (replace(GOOD, compose=None), ["docker has no compose plugin"]),
        (replace(GOOD, compose="2.23.3"), ["Docker Compose is 2.23.3"]),
        (replace(GOOD, memory=3 << 30), ["Docker has 3.0 GiB of memory, not 4"]),
        (
            Facts(client=True, engine=None, compose="1.29.2"),
            ["Docker Compose is 1.29.2", "no Docker engine answers"],
        ),
    ],
)
def test_what_is_lacking_is_named(facts: Facts, said: list[str]) -> None:
    problems = lacking(facts)
    assert [problem.what for problem in problems] == said
    assert all(problem.remedy and "\n" not in str(problem) for problem in problems)


def test_a_stopped_engine_is_told_from_a_missing_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert docker_machine.ask().engine is None
    assert not docker_machine.ask().answers
    monkeypatch.setenv("PATH", str(tmp_path))
    assert docker_machine.ask() == Facts(client=False, engine=None, compose=None)


def test_a_taken_port_is_named_before_any_container_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        variables = {**os.environ, "MYSQL_PORT": str(port)}
        said = [problem.what for problem in DockerEngine(ROOT, variables).problems()]
    assert any(
        line.startswith(f"mysql needs port {port}, which ") and f"(pid {os.getpid()})" in line
        for line in said
    )


@pytest.mark.parametrize(
    ("usage", "read"),
    [("265.1MiB / 2GiB", 265.1), ("1.5GiB / 4GiB", 1536.0), ("512KiB / 1GiB", 0.5), ("--", 0.0)],
)
def test_memory_is_read_as_docker_says_it(usage: str, read: float) -> None:
    assert mebibytes(usage) == read

"""A project of three services, with an engine that runs them as processes."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from pinpipe.engines.native import NativeEngine
from tests.support.native import write_project


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path, port: int) -> Path:
    root = tmp_path / "a project"  # with a space, as a user's folder may have
    write_project(root, port)
    return root


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def engine(project: Path, lines: list[str]) -> Iterator[NativeEngine]:
    made = NativeEngine(project, {"PATH": os.environ["PATH"]}, lines.append)
    yield made
    made.down()

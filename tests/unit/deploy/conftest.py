"""The artefacts of `make package`, built once for these tests."""

import os
from pathlib import Path

import pytest

from pinpipe.deploy.artefacts import Artefact, artefacts, write
from tests.support import ROOT


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """The settings' defaults, and PATH for programs."""
    return {"PATH": os.environ["PATH"]}


@pytest.fixture(scope="session")
def built(environment: dict[str, str]) -> dict[str, bytes]:
    """Every artefact by its path in dist/."""
    return {item.path: item.content for item in artefacts(ROOT, environment)}


@pytest.fixture(scope="session")
def dist(built: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dist/ of its own."""
    folder = tmp_path_factory.mktemp("dist")
    write([Artefact(path, "", content) for path, content in built.items()], folder)
    return folder

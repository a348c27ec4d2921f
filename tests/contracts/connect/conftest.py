"""One broker and one LocalStack for the tier, and a worker of each version in turn."""

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.connect import Cluster, environment, topics_and_bucket
from tests.support.program import Service

OLD = "3.7.2"
"""The version of MSK Connect."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("connect tier")


@pytest.fixture(scope="session")
def services(folder: Path) -> Iterator[None]:
    """The broker and LocalStack."""
    local = environment("0a1b2c3d4e5f")
    with (
        Service("services/kafka", folder, local),
        Service("localstack", folder, local, python=".build/envs/localstack"),
    ):
        yield


@pytest.fixture(scope="session")
def old_jars() -> Path:
    """The jars of Connect 3.7.2, downloaded once for each content of their pom."""
    pom = Path(__file__).parent / f"connect-{OLD}/pom.xml"
    libs = ROOT / f".build/connect-{OLD}/libs-{hashlib.sha256(pom.read_bytes()).hexdigest()[:8]}"
    if not libs.exists():
        new = libs.with_name("new")
        command = ["mvn", "--batch-mode", "--quiet", "-f", pom, "dependency:copy-dependencies"]
        subprocess.run(
            [*command, "-DincludeScope=runtime", f"-DoutputDirectory={new}"],
            check=True,
            timeout=240,
        )
        new.rename(libs)
    return libs


@pytest.fixture(scope="session", params=[OLD, "4.3.1"])
def cluster(request: pytest.FixtureRequest, services: None, folder: Path) -> Iterator[Cluster]:
    """A worker with the plugin that install.sh has built."""
    version = request.param
    user_id = f"v{version.replace('.', '')}0000"
    own = folder / version
    own.mkdir()
    local = environment(user_id) | {
        "CONNECT_GROUP": f"connect-{version}",
        "CONNECT_PASSWORD_FILE": str(own / "password"),
    }
    if version == OLD:
        local["CONNECT_LIBS"] = str(request.getfixturevalue("old_jars"))
    with Service("services/connect", own, local) as service:
        cluster = Cluster(user_id, service.environment)
        topics_and_bucket(cluster)
        yield cluster
        cluster.s3.close()

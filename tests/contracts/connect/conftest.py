"""One broker and one LocalStack for the tier, and a worker of each version in turn."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from services.connect.rest import Worker
from tests.contracts.connect.running import ROOT, WORKER, Cluster, environment, s3_client
from tests.contracts.rest_proxy.running import Service

OLD = "3.7.2"
"""What MSK Connect runs."""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("connect tier")


@pytest.fixture(scope="session")
def services(folder: Path) -> Iterator[None]:
    """The broker and LocalStack."""
    local = environment(folder, "0a1b2c3d4e5f")
    localstack = local | {"PATH": f"{ROOT / '.build/envs/localstack/bin'}:{local['PATH']}"}
    stack = Service("localstack", folder, localstack, ROOT / "localstack")
    with Service("kafka", folder, local).running(90), stack.running(90):
        yield


@pytest.fixture(scope="session")
def old_jars() -> Path:
    """The jars of Connect 3.7.2, fetched once for each state of their pom."""
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
    local = environment(own, user_id) | {"CONNECT_GROUP": f"connect-{version}"}
    if version == OLD:
        local["CONNECT_LIBS"] = str(request.getfixturevalue("old_jars"))
    # It says good-bye to its group, on a busy machine slowly.
    with Service("connect", own, local).running(90, 60), closing(s3_client()) as s3:
        cluster = Cluster(user_id, local, Worker(f"http://{WORKER}"), s3)
        done = cluster.one_shot("services/kafka/topics.sh")
        assert done.returncode == 0, done.stderr
        s3.create_bucket(Bucket=cluster.settings.bucket)
        yield cluster

"""One broker whose clients log in, and the settings of a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import free_ports
from tests.contracts.rest_proxy.running import Service

ACCESS_KEY, SECRET = "AKIALOCALTEST", "s3cret/with+signs:and=more"
USER = "a user"

Variables = dict[str, str]


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variables]:
    """Environment of a client that may log in; KAFKA_AUTH is the test's to choose."""
    folder = tmp_path_factory.mktemp("broker that asks")
    listen, controller = (f"127.0.0.1:{port}" for port in free_ports(2))
    keys = {
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    own = {
        "KAFKA_LISTEN": listen,
        "KAFKA_CONTROLLER_LISTEN": controller,
        "KAFKA_HOST_LISTEN": "",
        "KAFKA_AUTH": "iam",
        "KAFKA_SCRAM_USERNAME": USER,
    }
    broker = Service("kafka", folder, {**keys, **own})
    files = folder / "data/kafka_client"
    try:
        broker.start()
        yield {
            **keys,
            "KAFKA_BOOTSTRAP_SERVERS": listen,
            "KAFKA_CA_FILE": str(files / "ca.pem"),
            "KAFKA_SCRAM_USERNAME": USER,
            "KAFKA_SCRAM_PASSWORD_FILE": str(files / "scram_password"),
        }
    finally:
        broker.stop()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a space in its name, for a service's data."""
    path = tmp_path / "run here"
    path.mkdir()
    return path

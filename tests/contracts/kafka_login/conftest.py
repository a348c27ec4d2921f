"""A broker whose clients log in, and the settings of such a client."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ports import free_ports
from tests.support.program import Service

ACCESS_KEY, SECRET = "AKIALOCALTEST", "s3cret/with+signs:and=more"
USER = "a user"

Variables = dict[str, str]


def broker(folder: Path) -> tuple[Service, Variables]:
    """Return a broker whose clients log in, not started, and the environment of a valid client."""
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
    files = folder / "data/kafka_client"
    return Service("services/kafka", folder, {**keys, **own}), {
        **keys,
        "KAFKA_BOOTSTRAP_SERVERS": listen,
        "KAFKA_CA_FILE": str(files / "ca.pem"),
        "KAFKA_SCRAM_USERNAME": USER,
        "KAFKA_SCRAM_PASSWORD_FILE": str(files / "scram_password"),
    }


@pytest.fixture(scope="session")
def variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Variables]:
    """The environment of a client that may log in; each test adds KAFKA_AUTH."""
    service, client = broker(tmp_path_factory.mktemp("broker with logins"))
    with service:
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a space in its name, for a service's data."""
    path = tmp_path / "run here"
    path.mkdir()
    return path

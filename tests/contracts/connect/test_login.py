"""The worker's REST API serves its one user alone."""

import stat
from pathlib import Path

import pytest
import requests

from services.connect.rest import ConnectError, Worker
from tests.support.connect import Cluster

CALLS = (
    ("GET", "/"),
    ("GET", "/connectors?expand=status"),
    ("GET", "/connector-plugins"),
    ("POST", "/connectors"),
    ("PUT", "/connectors/x/config"),
    ("POST", "/connectors/x/restart"),
    ("DELETE", "/connectors/x"),
    ("PUT", "/admin/loggers/root"),
)


@pytest.mark.parametrize("method_path", CALLS, ids=" ".join)
def test_no_call_is_open(cluster: Cluster, method_path: tuple[str, str]) -> None:
    method, path = method_path
    for login in (None, ("connect", ""), ("connect", "wrong"), ("admin", "wrong")):
        answer = requests.request(
            method,
            cluster.settings.connect_url + path,
            json={},
            auth=login,
            headers={"Origin": "https://evil.example"},
            timeout=10,
        )
        assert answer.status_code == 401, (login, answer.text)


def test_a_wrong_password_is_named_and_not_shown(cluster: Cluster) -> None:
    with pytest.raises(ConnectError, match="401") as refused:
        Worker(cluster.settings.connect_url, "my-wrong-one").plugins()
    assert "my-wrong-one" not in str(refused.value)
    assert cluster.worker.plugins()


def test_the_password_is_for_its_owner_alone(cluster: Cluster) -> None:
    users = Path(cluster.environment["RUN_DIR"]) / "data/connect/users.properties"
    for file in (Path(cluster.settings.connect_password_file), users):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_file_connector_exists(cluster: Cluster) -> None:
    assert [name for name in cluster.worker.plugins() if "FileStream" in name] == []

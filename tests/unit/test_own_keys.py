"""The stack has keys of its own: no key of a person's account reaches it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable

from hops.access import Access
from pinpipe.engines import compose
from pinpipe.engines.inherited import CREDENTIALS, NO_FILES, inherited
from pinpipe.engines.native import NativeEngine
from tests.conftest import OF_ACCOUNTS
from tests.support import ROOT
from tests.support.upstream import Answer, Upstream

MARKED = dict.fromkeys(OF_ACCOUNTS, "AKIAMARKED")
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("native", [True, False])
def test_no_key_of_the_shell_is_in_docker_compose_yml(native: bool) -> None:
    loaded = compose.load(ROOT, MARKED, native=native)
    environments = {name: dict(service.environment) for name, service in loaded.services.items()}
    environments["client"] = dict(loaded.client)
    marked = {name for name, given in environments.items() if "AKIAMARKED" in str(given)}
    assert marked == set()
    signing = {name for name, given in environments.items() if KEYS[0] in given}
    assert signing >= {"kafka", "connect", "spark", "stream", "databricks", "client"}
    for name in signing:
        assert [environments[name][key] for key in KEYS] == ["test", "test"]


def test_no_variable_of_aws_but_the_region_is_taken_from_the_shell() -> None:
    """Compose prefers the shell to .env, so such a variable would be that of a person's account."""
    text = (ROOT / compose.FILE).read_text()
    assert set(re.findall(r"\$\{((?:AWS|DATABRICKS)_\w+)", text)) == {
        "AWS_REGION",
        "DATABRICKS_PORT",
    }


def test_the_stacks_keys_can_be_changed() -> None:
    own = {"LOCAL_AWS_ACCESS_KEY_ID": "one", "LOCAL_AWS_SECRET_ACCESS_KEY": "two"}
    loaded = compose.load(ROOT, {**MARKED, **own})
    for given in (loaded.client, loaded.service("kafka").environment):
        assert [given[key] for key in KEYS] == ["one", "two"]


def test_a_process_inherits_the_machine_and_no_account() -> None:
    machine = {
        "PATH": "/bin",
        "HOME": "/somewhere",
        "JAVA_HOME": "/java",
        "SECRET_A_B": "notebook's",
    }
    settings = dict.fromkeys(CREDENTIALS, "AKIAMARKED")
    engine = NativeEngine(ROOT, {**machine, **MARKED, **settings, "AIRFLOW_CONN_X": "AKIAMARKED"})
    takes = {
        "kafka": {"KAFKA_SCRAM_PASSWORD"},
        "databricks": {"DATABRICKS_TOKEN"},
        "localstack": set(),
    }
    takes |= {"dataset-load": {"SOURCE_DATABASE_URL"}, "airflow-scheduler": set(), "stream": set()}
    for service in compose.load(ROOT, {}).services:
        given = engine.one_shot(service).environment
        marked = {name for name, value in given.items() if "AKIAMARKED" in value}
        assert marked <= takes.get(service, set(CREDENTIALS))
        assert {name: given[name] for name in machine if name != "PATH"}.items() <= machine.items()
        assert given["PATH"].endswith("/bin")
        assert (given["AWS_CONFIG_FILE"], given["AWS_SHARED_CREDENTIALS_FILE"]) == (os.devnull,) * 2
    assert engine.one_shot("airflow-scheduler").environment["DATABRICKS_HOST"]
    assert engine.one_shot("kafka").environment["RUN_DIR"] == ".run"


@pytest.fixture
def server() -> Iterator[Upstream]:
    """A server that responds with 404 to everything."""
    with Upstream(Answer(404)) as made:
        yield made


def test_no_client_of_pinpipe_sends_a_key_of_the_shell_to_the_stack(
    server: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in MARKED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    client = NativeEngine(ROOT, MARKED).client_environment
    access = Access({**client, "AWS_ENDPOINT_URL": server.url})
    with pytest.raises(access.s3.exceptions.ClientError):
        access.s3.head_bucket(Bucket="bucket")
    with pytest.raises(OSError, match="404"):
        DeltaTable("s3://bucket/table", storage_options=access.delta_storage_options)
    headers_received = [received.headers for received in server.received]
    assert len(headers_received) >= 2
    assert [headers for headers in headers_received if "Credential=test/" not in str(headers)] == []
    assert "AKIAMARKED" not in str(headers_received)


def test_a_setting_of_the_databricks_service_reaches_it_and_a_workspaces_does_not() -> None:
    ours = {"DATABRICKS_SLOTS": "1", "DATABRICKS_KEEP_RUNS": "5"}
    of_a_workspace = {"DATABRICKS_HOST": "https://real", "DATABRICKS_CONFIG_PROFILE": "real"}
    assert inherited(ours | of_a_workspace) == ours | NO_FILES


@pytest.mark.parametrize("given", ["mine", ""])
def test_the_databricks_service_writes_the_token_that_it_was_given(
    tmp_path: Path, given: str
) -> None:
    """Airflow and ``pinpipe token`` read it in the file."""
    (tmp_path / "python").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "python").chmod(0o755)
    file = tmp_path / "kept/token"
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "DATABRICKS_TOKEN_FILE": str(file)}
    run = ROOT / "services/databricks/run.sh"
    subprocess.run([run], env=environment | {"DATABRICKS_TOKEN": given}, check=True, timeout=20)
    token = file.read_text().strip()
    assert token == given if given else len(token) > 20

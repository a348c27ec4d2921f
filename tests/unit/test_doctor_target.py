"""`pinpipe doctor --target aws` without a target: faulty variables and unreachable addresses."""

import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from botocore.stub import Stubber

from contract.settings import PARSERS
from hops.access import KEYS
from pinpipe.doctor import hops, permissions, variables
from pinpipe.doctor.account import Account
from pinpipe.doctor.finding import Finding
from pinpipe.doctor.target import examine
from pinpipe.doctor.workspace import pinned_airflow, runtime
from tests.support import ROOT, tiny_source
from tests.unit.test_cli import pinpipe

GOOD = {
    "USER_ID": "0e36c8cd403d",
    "AWS_REGION": "eu-west-1",
    "AWS_ENDPOINT_URL": "",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "SOURCE_DATABASE_URL": "mysql+pymysql://reader:hidden@db.example/pinterest_data",
    "GATEWAY_INVOKE_URL": "https://api.example/dev",
    "KAFKA_BOOTSTRAP_SERVERS": "b-1.example:9098,b-2.example:9098",
    "KAFKA_REST_ENDPOINT": "http://proxy.example:8082",
}


@pytest.fixture
def refusing() -> Iterator[str]:
    """An address of this machine that refuses: the port is taken, but nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def problems(findings: Iterator[Finding]) -> list[Finding]:
    return [finding for finding in findings if not finding.fine]


def test_every_variable_of_the_target_is_a_setting_or_a_key() -> None:
    assert {item.name for item in variables.VARIABLES} - PARSERS.keys() == set(KEYS)


def test_valid_variables_give_no_finding() -> None:
    assert list(variables.check(GOOD)) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("USER_ID", "", "USER_ID: it is not set; set the id"),
        ("USER_ID", "No", "USER_ID: it is 'No': it must be 4 to 32 lower-case"),
        ("AWS_REGION", "<region>", "AWS_REGION: it still has the placeholder <region>"),
        ("GATEWAY_INVOKE_URL", "api.example", "GATEWAY_INVOKE_URL: it is 'api.example': it must"),
        ("KAFKA_BOOTSTRAP_SERVERS", "b-1", "KAFKA_BOOTSTRAP_SERVERS: it is 'b-1': it must be host"),
        ("AWS_SECRET_ACCESS_KEY", "", "AWS_SECRET_ACCESS_KEY: only the other key is set"),
        ("AWS_ACCESS_KEY_ID", "test", "AWS_ACCESS_KEY_ID: it is 'test', which only LocalStack"),
        (
            "DATABRICKS_HOST",
            "https://w.example",
            "DATABRICKS_TOKEN: it is not set, but DATABRICKS_HOST",
        ),
        ("S3_SINK_FLUSH_SIZE", "0", "S3_SINK_FLUSH_SIZE: it is '0': it must be a whole number"),
        ("SOURCE_DATABASE_URL", "hidden", "SOURCE_DATABASE_URL: it is invalid: it must be"),
    ],
)
def test_a_faulty_variable_is_reported_once(name: str, value: str, message: str) -> None:
    (finding,) = variables.check(GOOD | {name: value})
    assert str(finding).startswith(message)
    assert finding.remedy
    assert "hidden" not in str(finding)


def test_each_unreachable_address_is_reported_and_its_checks_are_skipped(refusing: str) -> None:
    environment = GOOD | {
        "AWS_ENDPOINT_URL": f"http://{refusing}",
        "SOURCE_DATABASE_URL": f"mysql+pymysql://reader:hidden@{refusing}/pinterest_data",
        "GATEWAY_INVOKE_URL": f"http://{refusing}/dev",
        "KAFKA_BOOTSTRAP_SERVERS": f"{refusing},{refusing}",
        "DATABRICKS_HOST": f"http://{refusing}",
        "DATABRICKS_TOKEN": "token",
        "AIRFLOW_URL": f"http://{refusing}",
    }
    found = problems(examine(environment, ROOT))
    areas = [finding.area for finding in found]
    services = ["source database", "API Gateway", "Databricks", "Airflow", "Kafka", "Kafka"]
    assert areas == [*services, "sts", "s3", "kinesis"]
    assert all(refusing in finding.what and "refuse" in finding.what for finding in found)
    assert all(finding.remedy for finding in found)


def test_an_address_without_a_certificate_is_reported() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        environment = {"AIRFLOW_URL": url}

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = Thread(target=answer)
        thread.start()
        found = [f for f in examine(environment, ROOT) if f.area == "Airflow"]
        thread.join()
    assert len(found) == 1
    assert "no certificate that can be trusted" in found[0].what


def test_checks_of_a_faulty_variable_are_skipped(refusing: str) -> None:
    environment = {"AWS_ENDPOINT_URL": f"http://{refusing}", "GATEWAY_INVOKE_URL": "<invoke url>"}
    areas = {finding.area for finding in examine(environment, ROOT)}
    assert "GATEWAY_INVOKE_URL" in areas
    assert areas & {"API Gateway", "s3", "Kafka", "source database"} == set()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("InvalidClientTokenId", "AWS doesn't know the access key"),
        ("SignatureDoesNotMatch", "the secret key belongs to another access key"),
        ("ExpiredToken", "the session token has expired"),
        ("ServiceUnavailable", "STS refuses them: ServiceUnavailable"),
    ],
)
def test_refused_credentials_have_a_reason(
    monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    """LocalStack accepts any key, so the responses are stubs of botocore."""
    account = Account(GOOD)
    client = account.client("sts")
    monkeypatch.setattr(Account, "client", lambda self, service: client)
    with Stubber(client) as stub:
        stub.add_client_error("get_caller_identity", code, http_status_code=403)
        finding, arn = permissions.credentials(account)
    assert (finding.what, arn) == (message, "")
    assert finding.remedy


def test_a_session_of_a_role_has_the_roles_policies() -> None:
    session = "arn:aws:sts::123456789012:assumed-role/deployer/me@example"
    assert permissions.principal(session) == "arn:aws:iam::123456789012:role/deployer"
    user = "arn:aws:iam::123456789012:user/0e36c8cd403d"
    assert permissions.principal(user) == user


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A source database with a row in each table."""
    return tiny_source.make(tmp_path / "source.db")


def source(file: Path) -> list[Finding]:
    account = Account({"SOURCE_DATABASE_URL": f"sqlite:///{file}"})
    return problems(hops.source(account))


def test_the_source_database_is_read(database: Path) -> None:
    assert source(database) == []


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("drop table geolocation_data", "no such table: geolocation_data"),
        ("delete from user_data", "table user_data is empty"),
    ],
)
def test_a_source_database_without_tables_or_rows_is_reported(
    database: Path, statement: str, message: str
) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute(statement)
    connection.close()
    (finding,) = source(database)
    assert message in finding.what
    assert finding.remedy


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "KAFKA_SCRAM_PASSWORD"),
        ({"KAFKA_SCRAM_PASSWORD_FILE": "/nowhere/password"}, "/nowhere/password"),
        ({"KAFKA_SCRAM_PASSWORD": "p", "KAFKA_CA_FILE": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
    ],
)
def test_a_login_without_its_files_is_reported(given: dict[str, str], message: str) -> None:
    (finding,) = hops.kafka(Account(GOOD | given | {"KAFKA_AUTH": "scram"}))
    assert message in finding.what
    assert finding.remedy == "set what KAFKA_AUTH=scram needs"


def test_the_target_is_compared_with_the_pinned_versions() -> None:
    locked = (ROOT / "requirements/airflow.txt").read_text()
    assert f"apache-airflow=={pinned_airflow(ROOT)} " in locked
    assert runtime(ROOT).endswith("scala2.13")


def test_the_command_prints_a_line_for_each_problem_and_exits_with_1(refusing: str) -> None:
    given: dict[str, Any] = GOOD | {name: "" for name in GOOD if "URL" in name or "KAFKA" in name}
    done = pinpipe(
        "doctor", "--target", "aws", **given | {"AWS_ENDPOINT_URL": f"http://{refusing}"}
    )
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("SOURCE_DATABASE_URL: it is not set; ")
    assert [line.partition(":")[0] for line in lines[-3:]] == ["sts", "s3", "kinesis"]
    assert "variables: " in done.stderr

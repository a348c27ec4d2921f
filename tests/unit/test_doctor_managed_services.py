"""What `pinpipe doctor --target aws` says of MSK, MSK Connect and MWAA.

LocalStack has none of them: the answers are stubs that botocore holds against AWS's models.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from botocore.stub import Stubber

from pinpipe.deploy.msk_connect import prefix
from pinpipe.doctor import managed_services
from pinpipe.doctor.account import Account
from pinpipe.doctor.workspace import pinned_airflow
from tests.support.aws.literal import literal, read
from tests.unit.test_doctor_target import GOOD

ROOT = Path(__file__).resolve().parents[2]
USER_ID = GOOD["USER_ID"]
ARN = "arn:aws:kafka:eu-west-1:123456789012:cluster/user-kafka/0-1"
HOST = "0-1.c1.airflow.eu-west-1.on.aws"
TARGET = GOOD | {"KAFKA_AUTH": "iam", "AIRFLOW_URL": f"https://{HOST}"}

Answers = dict[str, list[tuple[str, Any]]]
"""By service, operations with their answers; a text is the code of an error."""
Told = Callable[..., list[str]]


def msk(
    version: str = "3.9.x.kraft", sasl: Any = None, brokers: str = GOOD["KAFKA_BOOTSTRAP_SERVERS"]
) -> Answers:
    cluster = {
        "ClusterArn": ARN,
        "ClusterName": "user-kafka",
        "State": "ACTIVE",
        "Provisioned": {
            "BrokerNodeGroupInfo": {"ClientSubnets": [], "InstanceType": "kafka.t3.small"},
            "NumberOfBrokerNodes": 2,
            "ClientAuthentication": {"Sasl": sasl or {"Iam": {"Enabled": True}}},
            "CurrentBrokerSoftwareInfo": {"KafkaVersion": version},
        },
    }
    there = {"BootstrapBrokerStringSaslIam": brokers}
    return {
        "kafka": [
            ("list_clusters_v2", {"ClusterInfoList": [cluster]}),
            ("get_bootstrap_brokers", there),
        ]
    }


def connector(state: str = "RUNNING", version: str = "3.7.x", why: str = "") -> Answers:
    listed = {
        "connectorArn": ARN,
        "connectorName": f"{USER_ID}-s3-sink-0-1",
        "connectorState": state,
        "kafkaConnectVersion": version,
    }
    answers: list[tuple[str, Any]] = [("list_connectors", {"connectors": [listed]})]
    if state != "RUNNING":
        answers.append(("describe_connector", {"stateDescription": {"message": why}}))
    return {"kafkaconnect": answers}


def mwaa(**changed: Any) -> Answers:
    environment = {
        "Name": f"airflow-{USER_ID}",
        "Status": "AVAILABLE",
        "AirflowVersion": pinned_airflow(ROOT),
        "WebserverUrl": HOST,
    }
    return {"mwaa": [("get_environment", {"Environment": environment | changed})]}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """Finds what is said, the fine ones without their words, where AWS answers as given."""
    with ExitStack() as stack:

        def find(*answers: Answers, **changed: str) -> list[str]:
            account = Account(TARGET | changed)
            clients = {}
            for service, calls in (msk() | connector() | mwaa() | merged(answers)).items():
                clients[service] = account.client(service)
                stub = stack.enter_context(Stubber(clients[service]))
                for operation, answer in calls:
                    if isinstance(answer, str):
                        stub.add_client_error(operation, answer)
                    else:
                        stub.add_response(operation, answer)
            monkeypatch.setattr(Account, "client", lambda self, service: clients[service])
            return [str(finding) for finding in managed_services.check(account, ROOT)]

        yield find


def merged(answers: tuple[Answers, ...]) -> Answers:
    return {service: calls for item in answers for service, calls in item.items()}


def test_what_is_up_is_told_with_its_version(told: Told) -> None:
    assert told() == [
        "MSK: cluster user-kafka has Kafka 3.9.x.kraft (ListClustersV2)",
        f"MSK Connect: connector {USER_ID}-s3-sink-0-1 is RUNNING on 3.7.x (ListConnectors)",
        f"MWAA: environment airflow-{USER_ID} has Airflow 3.3.1 (GetEnvironment)",
    ]


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        (msk(version="2.6.2"), "MSK: cluster user-kafka has Kafka 2.6.2; update it to 2.7.1"),
        (
            msk(sasl={"Scram": {"Enabled": True}}),
            "MSK: cluster user-kafka takes scram, not iam; correct KAFKA_AUTH",
        ),
        (msk(brokers="b-9.example:9098"), "MSK: no cluster of the account has a broker of"),
        (
            connector("FAILED", why="S3: Access Denied"),
            f"MSK Connect: connector {USER_ID}-s3-sink-0-1 is FAILED: S3: Access Denied; see",
        ),
        (connector(version="2.7.1"), "s3-sink-0-1 runs on Kafka Connect 2.7.1; make it again"),
        (
            {"kafkaconnect": [("list_connectors", {"connectors": []})]},
            f"MSK Connect: there is no connector {USER_ID}-s3-sink-*; run `make deploy-aws`",
        ),
        (mwaa(Status="UPDATING"), f"MWAA: environment airflow-{USER_ID} is UPDATING; wait"),
        (
            mwaa(AirflowVersion="3.0.6"),
            "has Airflow 3.0.6, the DAGs are locked for 3.3.1; make the environment",
        ),
        (
            mwaa(LastUpdate={"Status": "FAILED", "Error": {"ErrorMessage": "requirements"}}),
            f"MWAA: the last update of environment airflow-{USER_ID} has failed: requirements; ",
        ),
        (mwaa(WebserverUrl="other.on.aws"), f"is at other.on.aws, not at {HOST}; correct AIRFLOW_"),
        (
            {"mwaa": [("get_environment", "ResourceNotFoundException")]},
            f"MWAA: there is no environment airflow-{USER_ID}; run `make deploy-aws`",
        ),
    ],
)
def test_what_is_not_as_it_should_be_is_told_with_a_remedy(
    told: Told, answers: Answers, problem: str
) -> None:
    found = [line for line in told(answers) if "; " in line]
    assert len(found) == 1
    assert problem in found[0]


def test_another_kafka_without_iam_is_no_problem(told: Told) -> None:
    elsewhere = msk(brokers="b-9.example:9098")
    assert [line for line in told(elsewhere, KAFKA_AUTH="scram") if "; " in line] == []


def test_who_may_not_ask_is_told_and_nothing_is_wrong(told: Told) -> None:
    found = told(
        {"kafka": [("list_clusters_v2", "AccessDeniedException")]},
        {"kafkaconnect": [("list_connectors", "ForbiddenException")]},
        {"mwaa": [("get_environment", "AccessDeniedException")]},
    )
    assert [line.partition(": it isn't known")[0] for line in found] == [
        "MSK",
        "MSK Connect",
        "MWAA",
    ]
    assert [line for line in found if "; " in line] == []


def test_what_is_not_set_is_not_asked_for(told: Told) -> None:
    assert [line.partition(":")[0] for line in told(AIRFLOW_URL="")] == ["MSK", "MSK Connect"]


def test_no_other_host_is_asked_than_that_of_the_endpoint() -> None:
    """MWAA's hosts begin with ``api.``: before an address of this machine that is a stranger's."""
    with socket.socket() as bound:  # the port is taken, and nobody listens
        bound.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{bound.getsockname()[1]}"
        found = list(managed_services.check(Account(TARGET | {"AWS_ENDPOINT_URL": endpoint}), ROOT))
    assert [finding.area for finding in found if f'"{endpoint}/' in finding.what] == [
        "MSK",
        "MSK Connect",
        "MWAA",
    ]


def test_the_names_are_those_of_the_template() -> None:
    text = (ROOT / "cloudformation/platform.yaml").read_text()
    versions = {"SinkPluginVersion": "0", "WorkerConfigurationVersion": "1"}
    resources = literal(read(text), {"UserId": USER_ID} | versions)
    name = resources["SinkConnector"]["Properties"]["ConnectorName"]
    assert name == f"{prefix(USER_ID)}0-1"
    assert resources["Airflow"]["Properties"]["Name"] == managed_services.environment_name(USER_ID)

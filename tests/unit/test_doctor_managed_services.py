"""`pinpipe doctor --target aws` on MSK, MSK Connect and MWAA.

LocalStack has none of them: the responses are stubs, which botocore validates with AWS's models.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.stub import Stubber

from pinpipe.deploy.msk_connect import prefix
from pinpipe.doctor import managed_services
from pinpipe.doctor.account import Account
from pinpipe.doctor.workspace import pinned_airflow
from tests.support import ROOT
from tests.support.aws.literal import literal, read
from tests.unit.test_doctor_target import GOOD

USER_ID = GOOD["USER_ID"]
ARN = "arn:aws:kafka:eu-west-1:123456789012:cluster/user-kafka/0-1"
HOST = "0-1.c1.airflow.eu-west-1.on.aws"
TARGET = GOOD | {"KAFKA_AUTH": "iam", "AIRFLOW_URL": f"https://{HOST}"}

Answers = dict[str, list[tuple[str, Any]]]
"""For each service, operations with their responses; a text is an error code."""
Check = Callable[..., list[str]]


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
    listed = {"BootstrapBrokerStringSaslIam": brokers}
    return {
        "kafka": [
            ("list_clusters_v2", {"ClusterInfoList": [cluster]}),
            ("get_bootstrap_brokers", listed),
        ]
    }


def connector(state: str = "RUNNING", version: str = "3.7.x", reason: str = "") -> Answers:
    listed = {
        "connectorArn": ARN,
        "connectorName": f"{USER_ID}-s3-sink-0-1",
        "connectorState": state,
        "kafkaConnectVersion": version,
    }
    answers: list[tuple[str, Any]] = [("list_connectors", {"connectors": [listed]})]
    if state != "RUNNING":
        answers.append(("describe_connector", {"stateDescription": {"message": reason}}))
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
def check(monkeypatch: pytest.MonkeyPatch) -> Iterator[Check]:
    """A function that runs the checks with stubbed responses of AWS and returns the findings."""
    with ExitStack() as stack:

        def run(*answers: Answers, **changed: str) -> list[str]:
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

        yield run


def merged(answers: tuple[Answers, ...]) -> Answers:
    return {service: calls for item in answers for service, calls in item.items()}


def test_a_running_service_is_reported_with_its_version(check: Check) -> None:
    assert check() == [
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
            "MSK: cluster user-kafka allows the login scram, not iam; correct KAFKA_AUTH",
        ),
        (msk(brokers="b-9.example:9098"), "MSK: no cluster of the account has a broker of"),
        (
            connector("FAILED", reason="S3: Access Denied"),
            f"MSK Connect: connector {USER_ID}-s3-sink-0-1 is FAILED: S3: Access Denied; read",
        ),
        (connector(version="2.7.1"), "s3-sink-0-1 runs on Kafka Connect 2.7.1; create it again"),
        (
            {"kafkaconnect": [("list_connectors", {"connectors": []})]},
            f"MSK Connect: there is no connector {USER_ID}-s3-sink-*; run `make deploy-aws`",
        ),
        (mwaa(Status="UPDATING"), f"MWAA: environment airflow-{USER_ID} is UPDATING; wait"),
        (
            mwaa(AirflowVersion="3.0.6"),
            "has Airflow 3.0.6, but the DAGs are locked for 3.3.1; create the environment",
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
def test_a_problem_has_a_remedy(check: Check, answers: Answers, problem: str) -> None:
    found = [line for line in check(answers) if "; " in line]
    assert len(found) == 1
    assert problem in found[0]


def test_another_kafka_without_iam_is_no_problem(check: Check) -> None:
    elsewhere = msk(brokers="b-9.example:9098")
    assert [line for line in check(elsewhere, KAFKA_AUTH="scram") if "; " in line] == []


def test_a_caller_without_permission_is_reported_and_is_no_problem(check: Check) -> None:
    found = check(
        {"kafka": [("list_clusters_v2", "AccessDeniedException")]},
        {"kafkaconnect": [("list_connectors", "ForbiddenException")]},
        {"mwaa": [("get_environment", "AccessDeniedException")]},
    )
    assert [line.partition(": its state is unknown")[0] for line in found] == [
        "MSK",
        "MSK Connect",
        "MWAA",
    ]
    assert [line for line in found if "; " in line] == []


def test_a_service_whose_variable_is_not_set_is_not_checked(check: Check) -> None:
    assert [line.partition(":")[0] for line in check(AIRFLOW_URL="")] == ["MSK", "MSK Connect"]


def test_requests_go_only_to_the_host_of_the_endpoint() -> None:
    """MWAA's hosts begin with ``api.``, which would make another host of a local address."""
    with socket.socket() as bound:  # the port is taken, but nothing listens
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

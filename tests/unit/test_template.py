"""localstack/template.yaml without a deployment: its names, its API and its rights."""

import re
from pathlib import Path
from typing import Any

import pytest

from contract.names import END_TO_END
from contract.settings import Settings
from tests.support.aws.literal import ARNS, literal, read

TEMPLATE = Path(__file__).resolve().parents[2] / "localstack/template.yaml"
USER_ID = "0a1b2c3d4e5f"

METHODS = {
    ("/{proxy+}", "x-amazon-apigateway-any-method"): None,
    ("/streams", "get"): "ListStreams",
    ("/streams/{stream-name}", "get"): "DescribeStream",
    ("/streams/{stream-name}", "post"): "CreateStream",
    ("/streams/{stream-name}", "delete"): "DeleteStream",
    ("/streams/{stream-name}/record", "put"): "PutRecord",
    ("/streams/{stream-name}/records", "put"): "PutRecords",
}
"""Every method of the REST API with GatewayMethods=all, with its call of Kinesis."""
OF_THE_PIPELINE = {
    ("/topics/{topic-name}", "post"): None,
    ("/streams/{stream-name}/record", "put"): "PutRecord",
    ("/streams/{stream-name}/records", "put"): "PutRecords",
}
"""Every method by default."""


@pytest.fixture(scope="module")
def template() -> Any:
    return read(TEMPLATE.read_text())


@pytest.fixture(scope="module")
def resources(template: Any) -> Any:
    return literal(template, {"GatewayMethods": "all", "EndToEndTests": "true"})


@pytest.fixture(scope="module")
def closed(template: Any) -> Any:
    """The resources with the defaults."""
    return literal(template)


@pytest.fixture(scope="module")
def paths(resources: Any) -> Any:
    return resources["RestApi"]["Properties"]["Body"]["paths"]


def test_defaults_are_those_of_the_settings(template: Any) -> None:
    settings = Settings()
    defaults = {name: item["Default"] for name, item in template["Parameters"].items()}
    assert defaults["UserId"] == settings.user_id
    assert defaults["KafkaRestEndpoint"] == settings.kafka_rest_endpoint
    assert defaults["StageName"] == settings.stage_name
    assert re.fullmatch(template["Parameters"]["UserId"]["AllowedPattern"], settings.user_id)


@pytest.mark.parametrize("wanted", [METHODS, OF_THE_PIPELINE])
def test_the_api_has_these_methods_and_no_other(
    resources: Any, closed: Any, wanted: dict[tuple[str, str], str | None]
) -> None:
    found = {}
    made = resources if wanted is METHODS else closed
    paths = made["RestApi"]["Properties"]["Body"]["paths"]
    for path, methods in paths.items():
        for method, definition in methods.items():
            uri = definition["x-amazon-apigateway-integration"]["uri"]
            found[path, method] = uri.rpartition("kinesis:action/")[2] if "kinesis" in uri else None
    assert found == wanted


@pytest.mark.parametrize(("path", "method"), [key for key, action in METHODS.items() if action])
def test_the_streaming_pipeline_calls_kinesis_in_its_own_name(
    resources: Any, paths: Any, path: str, method: str
) -> None:
    role_name = resources["KinesisAccessRole"]["Properties"]["RoleName"]
    role_arn = ARNS["AWS::IAM::Role"].format(RoleName=role_name)
    integration = paths[path][method]["x-amazon-apigateway-integration"]
    assert (integration["type"], integration["httpMethod"]) == ("aws", "POST")
    assert integration["credentials"] == role_arn
    assert integration["passthroughBehavior"] == "never"
    assert integration["requestParameters"] == {
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"
    }
    body = integration["requestTemplates"]["application/json"]
    assert ("$input.params('stream-name')" in body) == ("{stream-name}" in path)
    assert "$.StreamName" not in body


def test_the_role_allows_exactly_the_calls_of_the_api(resources: Any, closed: Any) -> None:
    def statements(made: Any) -> Any:
        (policy,) = made["KinesisAccessRole"]["Properties"]["Policies"]
        return policy["PolicyDocument"]["Statement"]

    put, everywhere, others = statements(resources)
    assert (everywhere["Action"], everywhere["Resource"]) == ("kinesis:ListStreams", "*")
    actions = {f"kinesis:{action}" for action in METHODS.values() if action}
    assert {*put["Action"], *others["Action"]} == actions - {"kinesis:ListStreams"}
    (only,) = statements(closed)
    assert {f"kinesis:{action}" for action in OF_THE_PIPELINE.values() if action} == {
        *only["Action"]
    }
    assert only["Resource"] == put["Resource"][:1]
    assert put["Resource"] == others["Resource"]
    streams = [resource.rpartition(":stream/")[2] for resource in put["Resource"]]
    assert streams == [f"streaming-{USER_ID}-*", f"streaming-{USER_ID}{END_TO_END}*"]

"""localstack/template.yaml, read as a text: its names, its API and its rights."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import names
from contract.entities import ENTITIES
from contract.settings import Settings
from tests.conftest import MARK

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
"""Every method of the REST API, and the call of Kinesis that it makes."""


class _Loader(yaml.SafeLoader):
    """Reads ``!Sub text`` as text with the user id in it, and other functions as they are."""


def _function(loader: _Loader, suffix: str, node: yaml.Node) -> Any:
    assert isinstance(node, yaml.ScalarNode), f"!{suffix} of something else than a text"
    text = str(loader.construct_scalar(node))
    return text.replace("${UserId}", USER_ID) if suffix == "Sub" else f"!{suffix} {text}"


_Loader.add_multi_constructor("!", _function)


@pytest.fixture(scope="module")
def template() -> Any:
    return yaml.load(TEMPLATE.read_text(), _Loader)


@pytest.fixture(scope="module")
def paths(template: Any) -> Any:
    return template["Resources"]["RestApi"]["Properties"]["Body"]["paths"]


def test_cfn_lint_has_nothing_to_say() -> None:
    cfn_lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([cfn_lint, TEMPLATE], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_there_is_no_yaml_anchor() -> None:
    """CloudFormation refuses them; PyYAML and cfn-lint don't."""
    assert [
        event for event in yaml.parse(TEMPLATE.read_text()) if getattr(event, "anchor", None)
    ] == []


def test_names_are_those_of_the_contract(template: Any) -> None:
    resources = template["Resources"]
    assert resources["DataBucket"]["Properties"]["BucketName"] == names.bucket(USER_ID)
    (tag,) = resources["RestApi"]["Properties"]["Tags"]
    assert tag == {"Key": "_custom_id_", "Value": names.rest_api_id(USER_ID)}
    for entity in ENTITIES:
        stream = resources[f"{entity.name.title()}Stream"]["Properties"]
        assert stream["Name"] == names.stream(USER_ID, entity)
        topic = template["Outputs"][f"{entity.name.title()}Topic"]["Value"]
        assert topic == names.topic(USER_ID, entity)


def test_defaults_are_those_of_the_settings(template: Any) -> None:
    settings = Settings()
    defaults = {name: item.get("Default") for name, item in template["Parameters"].items()}
    assert defaults == {
        "UserId": settings.user_id,
        "KafkaRestEndpoint": settings.kafka_rest_endpoint,
        "StageName": settings.stage_name,
        "ShardCount": 1,
    }
    assert re.fullmatch(template["Parameters"]["UserId"]["AllowedPattern"], settings.user_id)


def test_the_api_has_these_methods_and_no_other(paths: Any) -> None:
    found = {}
    for path, methods in paths.items():
        for method, definition in methods.items():
            uri = definition["x-amazon-apigateway-integration"]["uri"]
            found[path, method] = uri.rpartition("kinesis:action/")[2] if "kinesis" in uri else None
    assert found == METHODS


def test_the_batch_road_passes_everything_on(paths: Any) -> None:
    integration = paths["/{proxy+}"]["x-amazon-apigateway-any-method"][
        "x-amazon-apigateway-integration"
    ]
    assert (integration["type"], integration["httpMethod"]) == ("http_proxy", "ANY")
    assert integration["uri"] == "${KafkaRestEndpoint}/{proxy}"


@pytest.mark.parametrize(("path", "method"), [key for key, action in METHODS.items() if action])
def test_the_streaming_road_calls_kinesis_in_its_own_name(
    paths: Any, path: str, method: str
) -> None:
    integration = paths[path][method]["x-amazon-apigateway-integration"]
    assert (integration["type"], integration["httpMethod"]) == ("aws", "POST")
    assert integration["credentials"] == "!GetAtt KinesisAccessRole.Arn"
    assert integration["passthroughBehavior"] == "never"
    assert integration["requestParameters"] == {
        "integration.request.header.Content-Type": "'application/x-amz-json-1.1'"
    }
    body = integration["requestTemplates"]["application/json"]
    assert ("$input.params('stream-name')" in body) == ("{stream-name}" in path)
    assert "$.StreamName" not in body


def test_the_role_may_do_what_the_api_does_and_no_more(template: Any) -> None:
    role = template["Resources"]["KinesisAccessRole"]["Properties"]
    (policy,) = role["Policies"]
    everywhere, own = policy["PolicyDocument"]["Statement"]
    assert (everywhere["Action"], everywhere["Resource"]) == ("kinesis:ListStreams", "*")
    actions = {f"kinesis:{action}" for action in METHODS.values() if action}
    assert set(own["Action"]) == actions - {"kinesis:ListStreams"}
    streams = [resource.rpartition(":stream/")[2] for resource in own["Resource"]]
    assert streams == [f"streaming-{USER_ID}-*", f"streaming-{USER_ID}{MARK}*"]

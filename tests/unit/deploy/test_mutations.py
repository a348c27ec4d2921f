"""The vendors' validators find a mutation in one place of each artefact."""

import json
from collections.abc import Callable

import pytest

from tests.support.aws import validators

Check = Callable[[bytes], list[str]]


def _text(check: Callable[[str], list[str]]) -> Check:
    return lambda content: check(content.decode())


def _request(operation: str) -> Check:
    return lambda content: validators.botocore_model("kafkaconnect", operation, content)


def _confluent(content: bytes) -> list[str]:
    return validators.documented(content, "confluent_s3_sink_properties.txt")


CHECKS: dict[str, Check] = {
    "cfn-lint": _text(validators.cfn_lint),
    "cloudsplaining": _text(validators.cloudsplaining),
    "policy_sentry": _text(validators.policy_sentry),
    "CreateCustomPlugin": _request("CreateCustomPlugin"),
    "CreateWorkerConfiguration": _request("CreateWorkerConfiguration"),
    "CreateConnector": _request("CreateConnector"),
    "Confluent's names": _confluent,
    "MSK Connect's worker": validators.worker_properties,
}

AWS = "cloudformation/platform.yaml"
API = "cloudformation/template.yaml"
CONNECTOR = "msk-connect/create-connector.json"
PLUGIN = "msk-connect/create-custom-plugin.json"
WORKER = "msk-connect/create-worker-configuration.json"
CONFLUENT = "msk-connect/confluent-connector.json"
PROPERTIES = "msk-connect/worker.properties"
EVERY_RIGHT = "[s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload]"
STREAMS = (
    "!Sub arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}"
    ":stream/streaming-${UserId}-*"
)
OBJECTS = "!Sub arn:${AWS::Partition}:s3:::user-${UserId}-bucket/topics/*"
ALERTS = "user-${UserId}-bucket/alerts/*"

WHOLE = (
    *((AWS, check) for check in ("cfn-lint", "cloudsplaining", "policy_sentry")),
    *((API, check) for check in ("cfn-lint", "cloudsplaining", "policy_sentry")),
    (CONNECTOR, "CreateConnector"),
    (PLUGIN, "CreateCustomPlugin"),
    (WORKER, "CreateWorkerConfiguration"),
    (CONFLUENT, "Confluent's names"),
    (PROPERTIES, "MSK Connect's worker"),
)
"""Artefacts with the validators of each."""

MUTATIONS = (
    (AWS, "cfn-lint", "AWS::MSK::Cluster", "AWS::MSK::Clusters", "E3006"),
    (AWS, "cfn-lint", "PUBLIC_ONLY", "PUBLIC", "PUBLIC_ONLY"),
    (AWS, "cfn-lint", "!GetAtt ConnectRole.Arn", "!GetAtt Role.Arn", "Role"),
    (AWS, "cfn-lint", "McuCount: 1", "McuCount: 3", "is not one of"),
    (AWS, "cfn-lint", "WriteDataIdempotently", "WriteIdempotently", "W3037"),
    (API, "cfn-lint", "  DataBucket:\n", "   DataBucket:\n", "E0000"),
    (AWS, "policy_sentry", "kinesis:GetShardIterator", "kinesis:GetShards", "is no action"),
    (AWS, "policy_sentry", ALERTS, "user-${UserId}-bucket", "s3:PutObject is of"),
    (AWS, "policy_sentry", "kafka-cluster:CreateTopic", "kafka-cluster:Alter*", "than one action"),
    (AWS, "cloudsplaining", OBJECTS, "'*'", "s3:GetObject"),
    (AWS, "cloudsplaining", EVERY_RIGHT, "['s3:*']", "whole service"),
    (API, "cloudsplaining", STREAMS, "'*'", "kinesis:PutRecord"),
    (CONNECTOR, "CreateConnector", '"capacity"', '"capacities"', "capacity"),
    (CONNECTOR, "CreateConnector", '"workerCount": 1', '"workerCount": "1"', "type"),
    (CONNECTOR, "CreateConnector", '"IAM"', '"SCRAM"', "SCRAM"),
    (PLUGIN, "CreateCustomPlugin", '"ZIP"', '"TAR"', "TAR"),
    (WORKER, "CreateWorkerConfiguration", '"propertiesFile', '"file', "propertiesFileContent"),
    (CONFLUENT, "Confluent's names", '"flush.size"', '"s3.refused.retry.ms"', "not documented"),
    (PROPERTIES, "MSK Connect's worker", "offset.flush.interval.ms", "sasl.mechanism", "sasl"),
    (PROPERTIES, "MSK Connect's worker", "value.converter=", "#", "value.converter is missing"),
)
"""Artefact, validator, text, its replacement, and a part of the error."""


@pytest.mark.parametrize(("artefact", "check", "old", "new", "message"), MUTATIONS)
def test_a_mutation_is_caught(
    artefact: str, check: str, old: str, new: str, message: str, built: dict[str, bytes]
) -> None:
    whole = built[artefact].decode()
    assert old in whole
    assert message in "\n".join(CHECKS[check](whole.replace(old, new, 1).encode()))


def test_a_connector_of_another_shape_is_rejected(built: dict[str, bytes]) -> None:
    request = json.loads(built[CONNECTOR])
    request["plugins"] = {"customPlugin": request["plugins"][0]}
    assert CHECKS["CreateConnector"](json.dumps(request).encode())


@pytest.mark.parametrize(("artefact", "check"), WHOLE)
def test_an_unchanged_artefact_passes(artefact: str, check: str, built: dict[str, bytes]) -> None:
    assert CHECKS[check](built[artefact]) == []

"""Breaks each real artefact in one place, and has the vendors' validators find it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.unit.aws import validators

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

AWS = "cloudformation/aws.yaml"
API = "cloudformation/template.yaml"
CONNECTOR = "msk-connect/create-connector.json"


@dataclass(frozen=True)
class Mutation:
    """One place of an artefact, what it becomes, and part of what is said of it."""

    what: str
    artefact: str
    check: str
    old: str
    new: str
    said: str


MUTATIONS = (
    Mutation("a type", AWS, "cfn-lint", "AWS::MSK::Cluster", "AWS::MSK::Clusters", "E3006"),
    Mutation("a property", AWS, "cfn-lint", "ClusterName:", "ClusterNames:", "ClusterName"),
    Mutation("a value", AWS, "cfn-lint", "PUBLIC_ONLY", "PUBLIC", "PUBLIC_ONLY"),
    Mutation("a reference", AWS, "cfn-lint", "!GetAtt ConnectRole.Arn", "!GetAtt Role.Arn", "Role"),
    Mutation("MCUs", AWS, "cfn-lint", "McuCount: 1", "McuCount: 3", "is not one of"),
    Mutation("an indent", API, "cfn-lint", "  DataBucket:\n", "   DataBucket:\n", "E0000"),
    Mutation("a stream's mode", API, "cfn-lint", "PROVISIONED", "PROVISION", "PROVISIONED"),
    Mutation("an action", AWS, "cfn-lint", "WriteDataIdempotently", "WriteIdempotently", "W3037"),
    Mutation(
        "an action that isn't there",
        AWS,
        "policy_sentry",
        "kinesis:GetShardIterator",
        "kinesis:GetShardIterators",
        "is no action",
    ),
    Mutation(
        "an object's right on a bucket",
        AWS,
        "policy_sentry",
        "user-${UserId}-bucket/alerts/*",
        "user-${UserId}-bucket",
        "s3:PutObject",
    ),
    Mutation(
        "a cluster's right on a topic",
        AWS,
        "policy_sentry",
        "                  - kafka-cluster:CreateTopic\n",
        "                  - kafka-cluster:WriteDataIdempotently\n",
        "WriteDataIdempotently is of",
    ),
    Mutation(
        "every object of every bucket",
        AWS,
        "cloudsplaining",
        "Resource: !Sub arn:${AWS::Partition}:s3:::user-${UserId}-bucket/topics/*",
        "Resource: '*'",
        "s3:GetObject",
    ),
    Mutation(
        "every right on the tables",
        AWS,
        "cloudsplaining",
        "[s3:GetObject, s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload]",
        "['s3:*']",
        "whole service",
    ),
    Mutation(
        "every stream of the account",
        API,
        "cloudsplaining",
        "!Sub arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}"
        ":stream/streaming-${UserId}-*",
        "'*'",
        "kinesis:PutRecord",
    ),
    Mutation("a field", CONNECTOR, "CreateConnector", '"capacity"', '"capacities"', "capacity"),
    Mutation(
        "a number", CONNECTOR, "CreateConnector", '"workerCount": 1', '"workerCount": "1"', "type"
    ),
    Mutation("a login", CONNECTOR, "CreateConnector", '"IAM"', '"SCRAM"', "SCRAM"),
    Mutation(
        "a flag for a text",
        CONNECTOR,
        "CreateConnector",
        '"value.converter.schemas.enable": "false"',
        '"value.converter.schemas.enable": false',
        "value.converter.schemas.enable",
    ),
    Mutation(
        "a kind of file",
        "msk-connect/create-custom-plugin.json",
        "CreateCustomPlugin",
        '"ZIP"',
        '"TAR"',
        "TAR",
    ),
    Mutation(
        "no content",
        "msk-connect/create-worker-configuration.json",
        "CreateWorkerConfiguration",
        '"propertiesFileContent"',
        '"properties"',
        "propertiesFileContent",
    ),
    Mutation(
        "a name that we alone have",
        "msk-connect/confluent-connector.json",
        "Confluent's names",
        '"flush.size"',
        '"s3.refused.retry.ms"',
        "s3.refused.retry.ms is not documented",
    ),
    Mutation(
        "a login of the worker's",
        "msk-connect/worker.properties",
        "MSK Connect's worker",
        "offset.flush.interval.ms=1000",
        "sasl.mechanism=AWS_MSK_IAM",
        "sasl.mechanism",
    ),
    Mutation(
        "no converter",
        "msk-connect/worker.properties",
        "MSK Connect's worker",
        "value.converter=",
        "#",
        "value.converter is missing",
    ),
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what)
def test_a_mutation_is_caught(mutation: Mutation, built: dict[str, bytes]) -> None:
    whole = built[mutation.artefact].decode()
    assert mutation.old in whole
    broken = whole.replace(mutation.old, mutation.new, 1)
    found = CHECKS[mutation.check](broken.encode())
    assert found
    assert mutation.said in "\n".join(found)


@pytest.mark.parametrize(
    ("artefact", "check"), sorted({(item.artefact, item.check) for item in MUTATIONS})
)
def test_what_is_not_broken_passes(artefact: str, check: str, built: dict[str, bytes]) -> None:
    assert CHECKS[check](built[artefact]) == []


def test_a_connector_of_another_shape_is_refused(built: dict[str, bytes]) -> None:
    request: dict[str, Any] = json.loads(built[CONNECTOR])
    request["plugins"] = {"customPlugin": request["plugins"][0]}
    assert CHECKS["CreateConnector"](json.dumps(request).encode())


def test_the_dist_folder_is_what_was_checked(built: dict[str, bytes], dist: Path) -> None:
    assert {path: (dist / path).read_bytes() for path in built} == built

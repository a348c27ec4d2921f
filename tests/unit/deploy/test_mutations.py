"""The vendors' validators find a mutation in one place of each artefact."""

import json
from collections.abc import Callable

import pytest

from tests.support.aws import validators
from tests.support.aws.rules import RULES

Check = Callable[[bytes], list[str]]


def _text(check: Callable[[str], list[str]]) -> Check:
    return lambda content: check(content.decode())


def _request(operation: str) -> Check:
    return lambda content: validators.botocore_model("kafkaconnect", operation, content)


def _confluent(content: bytes) -> list[str]:
    return validators.documented(content, "confluent_s3_sink_properties.txt")


CHECKS: dict[str, Check] = {
    "cfn-lint": _text(validators.cfn_lint),
    "our rules": _text(validators.own_rules),
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
ACCOUNT = "            Condition: {StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}}\n"
OF_CONNECT = """            Principal: {Service: kafkaconnect.amazonaws.com}
            Action: sts:AssumeRole
"""
STREAMS_OPENED = """          /streams: !If
              - HasAllMethods
"""
PREFIX_LIST = "SourcePrefixListId: !Ref GatewayAddresses"
OBJECTS = "!Sub arn:${AWS::Partition}:s3:::user-${UserId}-bucket/topics/*"
ALERTS = "user-${UserId}-bucket/alerts/*"

WHOLE = (
    *((AWS, check) for check in ("cfn-lint", "our rules", "cloudsplaining", "policy_sentry")),
    *((API, check) for check in ("cfn-lint", "our rules", "cloudsplaining", "policy_sentry")),
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
    (AWS, "our rules", OF_CONNECT + ACCOUNT, OF_CONNECT, "E9001 ConnectRole"),
    (API, "our rules", ACCOUNT, "", "E9001 KinesisAccessRole"),
    (AWS, "our rules", "aws:SecureTransport", "aws:SecureTransports", "E9002 ArtefactBucket"),
    (API, "our rules", "Bucket: !Ref DataBucket", "Bucket: !Ref Other", "E9002 DataBucket"),
    (AWS, "our rules", "DeletionProtection: true", "DeletionProtection: false", "E9003 Database"),
    (AWS, "our rules", "transport: 'ON'", "transport: 'OFF'", "E9003 Database accepts"),
    (AWS, "our rules", "insync.replicas=2", "insync.replicas=3", "E9004 3 of 3 copies"),
    (AWS, "our rules", "insync.replicas=2", "insync.replicas=1", "E9004 1 of 3 copies"),
    (AWS, "our rules", "BrokerNodes: 3", "BrokerNodes: 2", "E9004 2 of 3 copies"),
    (AWS, "our rules", r"?\..+'", "?.+'", "E9005 topics.regex is wrong for abcd0.pin, abcdxpin"),
    (AWS, "our rules", "(e2e[0-9a-f]{8})?", "", "E9005 topics.regex is wrong for abcde2e01234567"),
    (AWS, "our rules", PREFIX_LIST, "CidrIp: 0.0.0.0/0", "E9006 RestProxySecurityGroup"),
    (AWS, "our rules", PREFIX_LIST, "CidrIpv6: ::/0", "E9006 RestProxySecurityGroup"),
    (API, "our rules", "[{api_key: []}]", "[]", "E9007 x-amazon-apigateway-any-method /{proxy+}"),
    (API, "our rules", "Default: api_key", "Default: none", "E9007 the key is not the default"),
    (API, "our rules", "ThrottlingBurstLimit", "ThrottlingLimit", "E9008 RestApiStage has no thr"),
    (API, "our rules", "AccessLogSetting", "LogSetting", "E9008 RestApiStage has no access log"),
    (API, "our rules", "      Quota:", "      Limit:", "E9008 RestApiStage has no usage plan"),
    (API, "our rules", "'${RestProxySecret}'", "''", "E9009 x-amazon-apigateway-any-method"),
    (API, "our rules", "- HasEndToEndTests", "- NeedsApiKey", "E9010 KinesisAccessRole always"),
    (AWS, "our rules", "- HasEndToEndTests", "- IsSecondPass", "E9010 ConnectRole always"),
    (AWS, "our rules", "'false'\n    Allowed", "'true'\n    Allowed", "E9010 EndToEndTests is not"),
    (
        API,
        "our rules",
        "HasAllMethods\n              - get",
        "HasLog\n              - get",
        "E9011 get",
    ),
    (API, "our rules", "Default: pipeline", "Default: all", "E9011 the methods"),
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


def test_each_rule_of_ours_has_a_mutation() -> None:
    fired = {message[:5] for _, check, *_, message in MUTATIONS if check == "our rules"}
    assert fired == {rule.id for rule in RULES}


def test_a_connector_of_another_shape_is_rejected(built: dict[str, bytes]) -> None:
    request = json.loads(built[CONNECTOR])
    request["plugins"] = {"customPlugin": request["plugins"][0]}
    assert CHECKS["CreateConnector"](json.dumps(request).encode())


@pytest.mark.parametrize(("artefact", "check"), WHOLE)
def test_an_unchanged_artefact_passes(artefact: str, check: str, built: dict[str, bytes]) -> None:
    assert CHECKS[check](built[artefact]) == []

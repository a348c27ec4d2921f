"""The findings of `pinpipe doctor --target aws` on LocalStack, by the environment alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract import names
from contract.entities import ENTITIES
from pinpipe.doctor import permissions
from pinpipe.doctor.finding import Finding
from pinpipe.doctor.target import examine
from tests.support import tiny_source
from tests.support.localstack import ROOT, USER_ID, LocalStack
from tests.support.ports import free_port
from tests.support.upstream import Answer, Upstream

Environment = dict[str, str]


@pytest.fixture
def environment(localstack: LocalStack, upstream: Upstream, tmp_path: Path) -> Environment:
    """The variables of a .env.aws for LocalStack; no broker runs."""
    upstream.answer = Answer(422)
    file = tiny_source.make(tmp_path / "source.db")
    return {
        "USER_ID": USER_ID,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": localstack.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SOURCE_DATABASE_URL": f"sqlite:///{file}",
        "GATEWAY_INVOKE_URL": localstack.api,
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "KAFKA_REST_ENDPOINT": upstream.url,
    }


@pytest.fixture
def problems(environment: Environment) -> Callable[..., list[Finding]]:
    """Return the problems with some variables changed, except the missing broker."""

    def find(**changed: str) -> list[Finding]:
        found = examine(environment | changed, ROOT)
        return [f for f in found if not f.fine and f.area != "Kafka"]

    return find


def test_all_but_the_broker_is_fine(environment: Environment) -> None:
    found = [finding for finding in examine(environment, ROOT) if not finding.fine]
    assert [finding.area for finding in found] == ["Kafka"]


def test_each_finding_names_its_request(environment: Environment) -> None:
    fine = "\n".join(str(finding) for finding in examine(environment, ROOT) if finding.fine)
    for how in (
        "sts:GetCallerIdentity",
        "IAM doesn't simulate a root user",
        "s3:ListObjectsV2 of one key",
        "kinesis:DescribeStreamSummary",
        f"POST /topics/{names.topics(USER_ID)[0]} reaches the REST proxy",
        f"PUT /streams/{names.streams(USER_ID)[0]}/records reaches Kinesis",
        "SELECT of one key",
        # LocalStack has neither service.
        "kafka:ListClustersV2 can't be called",
        "kafkaconnect:ListConnectors can't be called",
    ):
        assert how in fine


def test_another_id_has_no_bucket_and_no_streams(problems: Callable[..., list[Finding]]) -> None:
    found = [str(finding) for finding in problems(USER_ID="0e36c8cd403d")]
    wanted = ["bucket user-0e36c8cd403d-bucket: NoSuchBucket"]
    wanted += [
        f"stream {names.stream('0e36c8cd403d', e)}: ResourceNotFoundException" for e in ENTITIES
    ]
    assert [text.partition(" (")[0] for text in found] == wanted


def test_a_missing_further_stream_is_reported(problems: Callable[..., list[Finding]]) -> None:
    (finding,) = problems(KINESIS_STREAMS="all-posts")
    assert finding.area == "stream all-posts"
    assert "aws kinesis create-stream --stream-name all-posts" in finding.remedy


def test_a_missing_stage_is_reported(
    problems: Callable[..., list[Finding]], localstack: LocalStack
) -> None:
    found = problems(GATEWAY_INVOKE_URL=localstack.api + "x")
    assert {finding.area for finding in found} == {"API Gateway"}
    assert all("InvokeUrl" in finding.remedy for finding in found)


def test_a_failing_rest_proxy_is_reported(
    problems: Callable[..., list[Finding]], upstream: Upstream
) -> None:
    upstream.answer = Answer(503, body=b"no broker")
    (finding,) = problems()
    assert finding.what == f"POST /topics/{names.topics(USER_ID)[0]} returns 503: no broker"
    assert "KAFKA_REST_ENDPOINT" in finding.remedy


def test_missing_credentials_are_reported(
    problems: Callable[..., list[Finding]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    (finding,) = problems(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert (finding.area, finding.what) == ("credentials", "none are set")


def test_the_actions_that_a_policy_lacks_are_reported(
    environment: Environment, localstack: LocalStack
) -> None:
    """IAM's own dry run, on a user who may read and write two streams, and read the bucket."""
    iam: Any = localstack.client("iam")
    bucket = f"arn:aws:s3:::{names.bucket(USER_ID)}"
    pin, *streams = (
        f"arn:aws:kinesis:us-east-1:000000000000:stream/{names.stream(USER_ID, entity)}"
        for entity in ENTITIES
    )
    reads = [action for action in permissions.STREAM_ACTIONS if "Put" not in action]
    statements = [
        {"Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [bucket, f"{bucket}/*"]},
        {"Action": list(permissions.STREAM_ACTIONS), "Resource": streams},
        {"Action": reads, "Resource": [pin]},
    ]
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | s for s in statements]}
    iam.create_user(UserName="reader")
    policy = iam.create_policy(PolicyName="reads", PolicyDocument=json.dumps(document))["Policy"]
    iam.attach_user_policy(UserName="reader", PolicyArn=policy["Arn"])
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    iam.close()
    given = {
        "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
    }
    found = [str(finding) for finding in examine(environment | given, ROOT)]
    reader = "arn:aws:iam::000000000000:user/reader"
    assert f"credentials: they belong to {reader} (sts:GetCallerIdentity)" in found
    how, remedy = "(iam:SimulatePrincipalPolicy)", "allow it in a policy of the caller"
    assert [text for text in found if how in text] == [
        f"s3: the caller may s3:ListBucket {how}",
        f"s3: {reader} may not s3:PutObject, s3:DeleteObject on {bucket}/* {how}; {remedy}",
        f"kinesis: {reader} may not kinesis:PutRecord, kinesis:PutRecords on {pin} {how}; {remedy}",
    ]

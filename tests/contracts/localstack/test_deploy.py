"""The steps of `make deploy-aws` on LocalStack, for the services that it has."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from contract import names
from contract.settings import Settings
from contract.wire import API_KEY, JSON, REST_PROXY_SECRET
from pinpipe.deploy.calls import LiveCalls
from pinpipe.deploy.deployment import Deployment
from pinpipe.deploy.errors import DeployError
from pinpipe.deploy.mwaa import PROFILE
from tests.support.localstack import ROOT, LocalStack
from tests.support.upstream import Answer, Upstream

USER_ID = "0e36c8cd403d"
"""An account in addition to the one that LocalStack's own start deploys."""

STACK = f"deployed-{USER_ID}"
GIVEN = {
    "RestProxyAddress": "192.0.2.1",
    "RestProxySecret": "0123456789abcdef",
    "GatewayLogArn": "",
}
"""What the stack of platform.yaml gives to the API; LocalStack has no log group."""
ARN = f"arn:aws:iam::000000000000:instance-profile/{USER_ID}-spark"


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings.from_environ({"USER_ID": USER_ID})


@pytest.fixture
def calls(localstack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveCalls]:
    """Calls whose endpoint comes from the environment alone."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", localstack.endpoint)
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    made = LiveCalls("us-east-1", keys, lambda line: None, pause=0.2)
    yield made
    made.close()


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A dist/ with the real template, and small files for the bucket."""
    files = {
        "cloudformation/template.yaml": (ROOT / "localstack/template.yaml").read_bytes(),
        "msk-connect/s3-sink-0123456789ab.zip": b"a plugin",
        "msk-connect/worker.properties": b"a worker",
        "mwaa/dags/one.py": b"a DAG",
        "mwaa/requirements.txt": b"requirements",
        "mwaa/plugins.zip": b"plugins",
        "mwaa/startup.sh": f"a script with {PROFILE}".encode(),
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


def test_the_api_is_deployed_and_deployed_again(
    calls: LiveCalls, dist: Path, localstack: LocalStack, upstream: Upstream, s3: Any
) -> None:
    here = Settings.from_environ({"USER_ID": USER_ID, "KAFKA_REST_ENDPOINT": upstream.url})
    upstream.answer = Answer(body=b'{"offsets": []}')
    try:
        every = Deployment(calls, here, dist, {"GatewayMethods": "all"})
        first = every.api(STACK, GIVEN)
        assert first["BucketName"] == names.bucket(USER_ID)
        url = f"{localstack.endpoint}/_aws/execute-api/{first['RestApiId']}/{first['StageName']}"
        answer = requests.get(f"{url}/topics", timeout=30)
        assert (answer.status_code, answer.json()) == (200, {"offsets": []})
        again = Deployment(calls, here, dist).api(STACK, GIVEN)  # keeps the parameter
        assert requests.get(f"{url}/topics", timeout=30).status_code == 200
        assert again["BucketName"] == first["BucketName"]
    finally:
        forget(localstack, STACK)
        s3.delete_bucket(Bucket=names.bucket(USER_ID))


def test_a_deployed_api_has_the_methods_of_the_pipeline_and_demands_the_key(
    calls: LiveCalls, dist: Path, localstack: LocalStack, upstream: Upstream, s3: Any
) -> None:
    here = Settings.from_environ(
        {"USER_ID": USER_ID, "KAFKA_REST_ENDPOINT": upstream.url, "GATEWAY_AUTH": "api_key"}
    )
    upstream.answer = Answer(body=b'{"offsets": []}')
    gateway = localstack.client("apigateway")
    try:
        made = Deployment(calls, here, dist).api(STACK, GIVEN)
        url = f"{localstack.endpoint}/_aws/execute-api/{made['RestApiId']}/{made['StageName']}"
        key = gateway.get_api_key(apiKey=made["ApiKeyId"], includeValue=True)["value"]
        topic, stream = (names.topics(USER_ID)[0], names.streams(USER_ID)[0])

        def status(method: str, path: str, key: str = key) -> int:
            body = {"Data": {"a": 1}, "PartitionKey": "1"}
            headers = {API_KEY: key, "Content-Type": JSON, REST_PROXY_SECRET: "of the caller"}
            return requests.request(
                method, f"{url}/{path}", json=body, headers=headers, timeout=30
            ).status_code

        assert status("POST", f"topics/{topic}", "wrong" * 8) == 403
        assert upstream.received == []
        assert status("POST", f"topics/{topic}") == 200
        (received,) = upstream.received
        assert (received.method, received.path) == ("POST", f"/topics/{topic}")
        assert received.headers[REST_PROXY_SECRET] == GIVEN["RestProxySecret"]
        assert status("PUT", f"streams/{stream}/record") == 200
        assert status("PUT", f"streams/{stream}/record", "") == 403
        closed = [
            *(("GET", path) for path in ("topics", f"topics/{topic}", "brokers", "streams")),
            *((method, f"streams/{stream}") for method in ("GET", "POST", "DELETE")),
            *(("POST", path) for path in (f"topics/{topic}/partitions/0", "consumers/a")),
        ]
        assert {call: status(*call) for call in closed} == dict.fromkeys(closed, 403)
        assert upstream.received == [received]
        (plan,) = gateway.get_usage_plans()["items"]
        assert plan["throttle"] == {"rateLimit": 500.0, "burstLimit": 1000}
        assert plan["quota"] == {"limit": 5_000_000, "offset": 0, "period": "DAY"}
    finally:
        forget(localstack, STACK)
        gateway.close()
        s3.delete_bucket(Bucket=names.bucket(USER_ID))


def test_a_stack_that_fails_says_why(
    calls: LiveCalls, settings: Settings, dist: Path, localstack: LocalStack
) -> None:
    broken = dist / "cloudformation/template.yaml"
    bucket = "{Type: 'AWS::S3::Bucket', Properties: {BucketName: Not_a_Name}}"
    broken.write_text(f"Resources: {{Broken: {bucket}}}\n")
    deployment = Deployment(calls, settings, dist)
    name = f"broken-{USER_ID}"
    try:
        with pytest.raises(DeployError, match=f"stack {name}: .*Broken: .*[Bb]ucket"):
            deployment.stack(name, "template.yaml", {})
        with pytest.raises(DeployError, match=f"stack {name} is .*: delete it, then deploy again"):
            deployment.stack(name, "template.yaml", {})
    finally:
        forget(localstack, name)


SMALL = """
Parameters:
  UserId: {Type: String}
  SinkFlushSize: {Type: String}
  SinkRotateIntervalMs: {Type: String}
  SetByHand: {Type: String, Default: small}
  KafkaBootstrapServers: {Type: String, Default: ''}
Conditions:
  IsSecondPass: !Not [!Equals [!Ref KafkaBootstrapServers, '']]
Resources:
  Always: {Type: 'AWS::S3::Bucket', Properties: {BucketName: small-always}}
  Later:
    Type: AWS::S3::Bucket
    Condition: IsSecondPass
    Properties: {BucketName: !Sub 'small-${KafkaBootstrapServers}'}
Outputs:
  Hand: {Value: !Ref SetByHand}
"""
"""A template in two passes, with the parameters of platform.yaml."""


def test_the_last_part_comes_second_and_stays(
    calls: LiveCalls, settings: Settings, dist: Path, localstack: LocalStack, s3: Any
) -> None:
    template = dist / "cloudformation/platform.yaml"
    template.write_text(SMALL)
    name = f"small-{USER_ID}"
    deployment = Deployment(calls, settings, dist)
    sizes = {"UserId": USER_ID, "SinkFlushSize": "1", "SinkRotateIntervalMs": "1"}

    def buckets() -> list[str]:
        found = [item["Name"] for item in s3.list_buckets()["Buckets"]]
        return [bucket for bucket in found if bucket.startswith("small-")]

    try:
        first = deployment.stack(name, "platform.yaml", sizes | {"SetByHand": "big"})
        assert first == (False, {"Hand": "big"})
        assert deployment.foundation(name) == {"Hand": "big"}
        assert buckets() == ["small-always"]
        last = sizes | {"KafkaBootstrapServers": "later"}
        assert deployment.stack(name, "platform.yaml", last) == (True, {"Hand": "big"})
        assert buckets() == ["small-always", "small-later"]
        # AWS lists the brokers in any order.
        again = deployment.stack(name, "platform.yaml", sizes | {"KafkaBootstrapServers": "other"})
        assert again == (False, {"Hand": "big"})
        assert buckets() == ["small-always", "small-later"]
        template.write_text("not a template")
        assert deployment.foundation(name) == {"Hand": "big"}
        assert buckets() == ["small-always", "small-later"]
    finally:
        forget(localstack, name)


def test_files_are_uploaded_with_versions(
    calls: LiveCalls, settings: Settings, dist: Path, s3: Any
) -> None:
    bucket = names.artefact_bucket(USER_ID)
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    try:
        first = Deployment(calls, settings, dist).upload(ARN)
        (dist / "mwaa/plugins.zip").write_bytes(b"other plugins")
        second = Deployment(calls, settings, dist).upload(ARN)
        assert first["SinkPluginVersion"] == second["SinkPluginVersion"]
        assert first["AirflowPluginsVersion"] != second["AirflowPluginsVersion"]
        old, new = (
            s3.get_object(
                Bucket=bucket, Key="plugins.zip", VersionId=found["AirflowPluginsVersion"]
            )["Body"].read()
            for found in (first, second)
        )
        assert (old, new) == (b"plugins", b"other plugins")
        dag = s3.get_object(Bucket=bucket, Key="dags/one.py")["Body"].read()
        assert dag == b"a DAG"
        script = s3.get_object(Bucket=bucket, Key="startup.sh")["Body"].read()
        assert script == f"a script with {ARN}".encode()
    finally:
        empty(s3, bucket)


def empty(s3: Any, bucket: str) -> None:
    """Remove a bucket with all versions of its objects."""
    for item in s3.list_object_versions(Bucket=bucket).get("Versions", ()):
        s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def forget(localstack: LocalStack, name: str) -> None:
    """Remove a stack."""
    client = localstack.client("cloudformation")
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300}
    )
    client.close()

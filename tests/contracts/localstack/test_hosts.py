"""Every service of LocalStack, and its Kinesis engine, refuse web pages of other sites."""

import json
from collections.abc import Iterator

import pytest
import requests

from contract import names
from contract.entities import PIN
from tests.support.hosts import ALLOWED, FOREIGN_HOSTS, Headers, accepted, refused
from tests.support.localstack import USER_ID, LocalStack
from tests.support.rest_proxy import Response, request

BUCKET = names.bucket(USER_ID)
STREAM = names.stream(USER_ID, PIN)
ALLOWED_PAGE = {"Origin": "https://8082.dev.example"}
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\nforged.json\r\n'
    b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n{"index":1}\r\n--x--\r\n'
)


def signed(service: str, **more: str) -> Headers:
    """Headers of a call, with a signature that LocalStack does not check."""
    scope = f"test/20260101/us-east-1/{service}/aws4_request"
    login = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
    return {"Authorization": login, "X-Amz-Date": "20260101T000000Z", **more}


def kinesis(action: str) -> Headers:
    """Headers of a call of Kinesis."""
    target = {"X-Amz-Target": f"Kinesis_20131202.{action}"}
    return signed("kinesis") | target | {"Content-Type": "application/x-amz-json-1.1"}


ITERATOR = {
    "StreamName": STREAM,
    "ShardId": "shardId-000000000000",
    "ShardIteratorType": "TRIM_HORIZON",
}
PUT = {"StreamName": STREAM, "Data": "MQ==", "PartitionKey": "k"}
PUTS = {"StreamName": STREAM, "Records": [{"Data": "MQ==", "PartitionKey": "k"}]}
QUERY = {"Content-Type": "application/x-www-form-urlencoded"}
API = f"/_aws/execute-api/{names.rest_api_id(USER_ID)}/dev"

CALLS = {
    "S3 form upload": (
        "POST",
        f"/{BUCKET}",
        FORM,
        {"Content-Type": "multipart/form-data; boundary=x"},
    ),
    "S3 PUT": ("PUT", f"/{BUCKET}/put.json", b"1", signed("s3")),
    "API Gateway": ("POST", f"{API}/streams/forged", b"{}", {}),
    "API Gateway to the REST proxy": ("POST", f"{API}/consumers/forged", b"", {}),
    "IAM": ("POST", "/", b"Action=ListRoles&Version=2010-05-08", signed("iam") | QUERY),
    "IAM by a GET": ("GET", "/?Action=ListRoles&Version=2010-05-08", None, signed("iam")),
    "STS": ("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", signed("sts") | QUERY),
    "CloudFormation": (
        "POST",
        "/",
        b"Action=ListStacks&Version=2010-05-15",
        signed("cloudformation") | QUERY,
    ),
    "LocalStack itself": ("POST", "/_localstack/health", b"{}", {}),
    **{
        f"Kinesis {action}": ("POST", "/", json.dumps(body).encode(), kinesis(action))
        for action, body in (
            ("ListStreams", {}),
            ("GetShardIterator", ITERATOR),
            ("PutRecord", PUT),
            ("PutRecords", PUTS),
            ("GetRecords", {"ShardIterator": "none"}),
        )
    },
}
"""A call of each service that changes, or that a page may send: method, path, body and headers."""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, upstream_server: object) -> Iterator[LocalStack]:
    """A LocalStack with names of its own."""
    service = LocalStack(tmp_path_factory.mktemp("hosts"), upstream_server.url)  # type: ignore[attr-defined]
    service.environment["ALLOWED_HOSTS"] = ALLOWED
    with service:
        yield service


def call(service: LocalStack, name: str, headers: Headers) -> Response:
    """Make a call of the table, with more headers."""
    method, path, body, usual = CALLS[name]
    return request(service.gateway_port, method, path, body, usual | headers)


@pytest.mark.parametrize("name", CALLS)
def test_no_service_accepts_a_page(own: LocalStack, name: str) -> None:
    for headers in refused(own.gateway_port):
        response = call(own, name, headers)
        assert response.status in (400, 403), (headers, response.body)
        assert headers["Host"] == "" or "message" in response.json, headers


@pytest.mark.parametrize("name", ["S3 PUT", "IAM", "Kinesis PutRecord", "Kinesis GetShardIterator"])
def test_clients_are_accepted_by_every_name(own: LocalStack, name: str) -> None:
    for headers in accepted(own.gateway_port):
        if "Origin" in headers and name == "IAM":
            continue  # LocalStack has a list of its own for the origins of these calls
        assert call(own, name, headers).status == 200, headers


@pytest.mark.parametrize("domain", ["us-east-1.amazonaws.com", "localhost.localstack.cloud"])
def test_the_names_of_the_rest_api_are_accepted(own: LocalStack, domain: str) -> None:
    host = {"Host": f"{names.rest_api_id(USER_ID)}.execute-api.{domain}"}
    assert request(own.gateway_port, "GET", "/dev/streams", None, host).status == 200
    other = {"Host": f"{names.rest_api_id(USER_ID)}.execute-api.evil.example"}
    assert request(own.gateway_port, "GET", "/dev/streams", None, other).status == 403


def test_nothing_is_read_by_a_name_of_a_page(own: LocalStack) -> None:
    for host in FOREIGN_HOSTS:
        path = f"/{BUCKET}?list-type=2"
        assert request(own.gateway_port, "GET", path, None, {"Host": host}).status in (400, 403)
    objects = requests.get(f"{own.endpoint}/{BUCKET}?list-type=2", timeout=30).text
    assert "forged" not in objects


def test_kinesis_can_be_called_by_the_name_of_the_service(own: LocalStack) -> None:
    """As in Docker, for calls that LocalStack passes on and for those that our patch does."""
    headers = {"Host": "localstack:4566"}
    response = request(own.gateway_port, "POST", "/", b"{}", kinesis("ListStreams") | headers)
    assert STREAM in response.json["StreamNames"]
    record = json.dumps({"StreamName": STREAM, "Data": "e30=", "PartitionKey": "a"}).encode()
    response = request(own.gateway_port, "POST", "/", record, kinesis("PutRecord") | headers)
    assert response.json["ShardId"].startswith("shardId-")


def test_the_kinesis_engine_serves_localstack_alone(own: LocalStack) -> None:
    def engine(headers: Headers, method: str = "POST") -> Response:
        given = kinesis("ListStreams") | headers
        return request(own.kinesis_port, method, "/", b"{}", given)

    for headers in refused(own.kinesis_port):
        if "Sec-Fetch-Site" in headers:
            continue  # every call is a POST, which has an Origin
        response = engine(headers)
        assert response.status in (400, 403) or headers.get("Origin") == "", headers
        assert "access-control-allow-origin" not in response.headers
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert engine(preflight, "OPTIONS").status == 403
    assert STREAM in engine({}).json["StreamNames"]

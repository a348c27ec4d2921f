"""The AWS clients use the endpoints of botocore, and validate their requests."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ParamValidationError

from tests.support.e2e.target import Target


@pytest.fixture(params=["s3", "kinesis"])
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_environment_alone_sets_the_endpoint(
    target: Target, service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", target.environment.get("AWS_ENDPOINT_URL", ""))
    expected = boto3.Session(region_name=target.deployed.aws_region).client(service)
    assert getattr(target.access, service).meta.endpoint_url == expected.meta.endpoint_url


def test_a_call_is_validated_before_it_is_sent(target: Target, service: str) -> None:
    call = {"s3": target.access.s3.list_buckets, "kinesis": target.access.kinesis.list_streams}
    with pytest.raises(ParamValidationError, match='Unknown parameter in input: "Nothing"'):
        call[service](Nothing=1)

"""Deploys template.yaml to the running LocalStack, as `aws cloudformation deploy` does to AWS.

ready.d runs it at every start, because LocalStack loses everything but S3's objects and the streams
when it ends. By hand: ``PYTHONPATH=. .build/envs/localstack/bin/python localstack/deploy.py``.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError, WaiterError

from contract.settings import Settings

TEMPLATE = Path(__file__).resolve().parent / "template.yaml"
POLL = {"Delay": 0.1, "MaxAttempts": 600}
"""Seconds between two queries for the state of a stack, and how many: a minute in all."""


class DeployError(Exception):
    """CloudFormation did not deploy the template."""


def deploy(settings: Settings) -> None:
    """Deploy template.yaml, then create the streams of KINESIS_STREAMS that do not exist.

    Raises:
        DeployError: the stack could not be created.
    """
    _deploy_template(settings)
    kinesis = _client(settings, "kinesis")
    for stream in settings.kinesis_streams:
        with suppress(kinesis.exceptions.ResourceInUseException):  # it exists
            kinesis.create_stream(StreamName=stream, ShardCount=1)
        kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig=POLL)


def _client(settings: Settings, service: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=f"http://127.0.0.1:{settings.gateway_listen[1]}",
        region_name=settings.aws_region,
    )


def _deploy_template(settings: Settings) -> None:
    """Deploy template.yaml, unless it is deployed with the same parameters.

    After a change the stack is deleted and created again: LocalStack's ``update_stack`` does not
    update the OpenAPI body of a REST API.

    Raises:
        DeployError: the stack could not be created.
    """
    client = _client(settings, "cloudformation")
    name, template = f"pinterest-data-pipeline-{settings.user_id}", TEMPLATE.read_text()
    parameters = {  # the others keep their defaults
        "UserId": settings.user_id,
        "KafkaRestEndpoint": settings.kafka_rest_endpoint,
        "StageName": settings.stage_name,
        "GatewayAuth": settings.gateway_auth,
        "GatewayMethods": "all",
        "EndToEndTests": "true",
    }
    if _deployed(client, name, parameters) == (template, parameters):
        return
    parameters["GatewayApiKey"] = settings.gateway_api_key  # a stack does not show it
    client.delete_stack(StackName=name)
    client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=POLL)
    client.create_stack(
        StackName=name,
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
    try:
        client.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=POLL)
    except WaiterError as error:
        raise DeployError(f"stack {name}: {_reasons(client, name) or error}") from error


def _deployed(client: Any, name: str, wanted: dict[str, str]) -> tuple[str, dict[str, str]] | None:
    """Template and ``wanted`` parameters of the stack, or None if no complete stack exists."""
    try:
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    except ClientError:
        return None
    if stack["StackStatus"] != "CREATE_COMPLETE":
        return None
    parameters = {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}
    template = client.get_template(StackName=name)["TemplateBody"]
    return template, {key: parameters.get(key, "") for key in wanted}


def _reasons(client: Any, name: str) -> str:
    """Why resources of the stack could not be created, one after the other."""
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    return "; ".join(
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    )


if __name__ == "__main__":
    deploy(Settings.from_environ())

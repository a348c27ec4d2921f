"""Deploys the artefacts of dist/: two stacks, and the files between their parts.

1. ``platform.yaml`` without its last part: network, MSK, RDS, roles, the bucket of artefacts.
2. ``template.yaml``: bucket, streams, and the API, for which step 1 has given an address, a secret
   and a log group. Before it, the addresses of API Gateway are let in to the REST proxy.
3. The files for MSK Connect and MWAA go into their bucket.
4. ``platform.yaml`` with the brokers' addresses, which AWS now returns, and with the files'
   versions: MSK Connect and MWAA.

A deployment may be repeated: unchanged resources stay, and from the second time on step 4 includes
step 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contract import names
from contract.errors import SettingError
from contract.settings import Settings
from pinpipe.deploy import addresses
from pinpipe.deploy.archive import version
from pinpipe.deploy.calls import LiveCalls, MissingError, UnchangedError
from pinpipe.deploy.errors import DeployError, PackageError
from pinpipe.deploy.mwaa import PROFILE

MINUTES = 90
"""Limit of a stack in minutes: MSK takes half an hour, and MWAA another."""

NOT_UPDATABLE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")
"""States of a stack that can't be updated."""

TEMPLATES = ("platform.yaml", "template.yaml")
PLATFORM_OUTPUTS = (
    *("KafkaClusterArn", "RestProxyAddress", "RestProxySecretArn"),
    *("GatewayAddressesId", "GatewayLogArn", "SparkInstanceProfileArn"),
)
"""Outputs of platform.yaml that the next steps need."""
FILES = ("requirements.txt", "plugins.zip", "startup.sh")
"""Objects that the MWAA environment names by their version."""

BROKERS = "KafkaBootstrapServers"
"""Parameter that keeps its first value. AWS returns the brokers in any order, and another order
would mean a new connector with the old one's name, which CloudFormation refuses."""


def stack_names(user_id: str) -> tuple[str, str]:
    """Names of the stacks of template.yaml and of platform.yaml."""
    return f"pinterest-data-pipeline-{user_id}", f"pinterest-data-pipeline-{user_id}-aws"


@dataclass(frozen=True)
class Deployment:
    """A deployment of dist/ to one account.

    Args:
        calls: sent, or only shown.
        settings: of the account.
        dist: the folder of artefacts.
        changed: parameters of the templates with new values, which later deployments keep.
    """

    calls: LiveCalls
    settings: Settings
    dist: Path
    changed: Mapping[str, str] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    """Stacks that this run has created or updated."""

    def run(self) -> dict[str, str]:
        """Deploy everything and return the outputs of both stacks.

        Raises:
            SettingError: a setting can't work on AWS, or no template has a parameter to change.
            PackageError: dist/ lacks an artefact.
            DeployError: AWS refused a call, or a stack failed.
        """
        check(self.settings)
        texts = [self._file(f"cloudformation/{name}").decode() for name in TEMPLATES]
        for name, value in self.changed.items():
            if not any(_has_parameter(text, name) for text in texts):
                raise SettingError(name, value, f"no template has this parameter: {TEMPLATES}")
        api, rest = stack_names(self.settings.user_id)
        first = self.foundation(rest)
        missing = set(PLATFORM_OUTPUTS) - set(first)
        if missing:
            raise DeployError(
                f"stack {rest} is of an earlier version, without {', '.join(sorted(missing))}: "
                "docs/upgrading.md says how to replace it"
            )
        self.allow_gateway(first["GatewayAddressesId"])
        answer = {"SecretString": "<value of RestProxySecretArn>"}
        secret = {"SecretId": first["RestProxySecretArn"]}
        shown = self.calls.call("secretsmanager", "GetSecretValue", secret, answer)["SecretString"]
        found = self.api(api, {**first, "RestProxySecret": shown})
        versions = self.upload(first["SparkInstanceProfileArn"])
        last = {BROKERS: self.brokers(first["KafkaClusterArn"]), **versions}
        return found | self.stack(rest, "platform.yaml", self._sizes() | last)[1]

    def foundation(self, name: str) -> dict[str, str]:
        """Deploy platform.yaml without its last part, unless the last part exists already.

        If it exists, the second pass deploys everything: this pass would give new worker properties
        the name of the old ones, which AWS refuses.
        """
        if _parameters(self._existing(name)).get(BROKERS):
            return self._outputs(name)
        return self.stack(name, "platform.yaml", self._sizes())[1]

    def allow_gateway(self, prefix_list: str) -> None:
        """Let API Gateway's addresses of the region reach the REST proxy."""
        region = self.settings.aws_region
        example = {"ip_prefix": "192.0.2.0/24", "region": region, "service": "API_GATEWAY"}
        published = self.calls.document(addresses.PUBLISHED, {"prefixes": [example]})
        addresses.update(self.calls, prefix_list, addresses.of_gateway(published, region))

    def api(self, name: str, given: Mapping[str, str]) -> dict[str, str]:
        """Deploy template.yaml, and the stage of its API when the stack existed already.

        Args:
            name: of the stack.
            given: the address of the REST proxy, which counts unless KAFKA_REST_ENDPOINT sets
                another, its secret, and the log group of the API.
        """
        settings = self.settings
        elsewhere = settings.kafka_rest_endpoint != Settings().kafka_rest_endpoint
        updated, outputs = self.stack(
            name,
            "template.yaml",
            {
                "UserId": settings.user_id,
                "KafkaRestEndpoint": (
                    settings.kafka_rest_endpoint
                    if elsewhere
                    else f"http://{given['RestProxyAddress']}:8082"
                ),
                "StageName": settings.stage_name,
                "GatewayAuth": settings.gateway_auth,
                "RestProxySecret": given["RestProxySecret"],
                "GatewayLogArn": given["GatewayLogArn"],
            },
        )
        if updated:  # CloudFormation deploys no stage when only the API's body has changed
            self.calls.call(
                "apigateway",
                "CreateDeployment",
                {"restApiId": outputs["RestApiId"], "stageName": outputs["StageName"]},
                {},
            )
        return outputs

    def stack(
        self, name: str, template: str, values: dict[str, str]
    ) -> tuple[bool, dict[str, str]]:
        """Create or update a stack and wait for it.

        Args:
            name: of the stack.
            template: file name in dist/cloudformation.
            values: of parameters; other parameters keep their values or get their defaults.

        Returns:
            whether an existing stack was updated; its outputs.
        """
        body = self._file(f"cloudformation/{template}").decode()
        existing = self._existing(name)
        current = _parameters(existing)
        values = {k: v for k, v in values.items() if k != BROKERS or not current.get(BROKERS)}
        values |= {k: v for k, v in self.changed.items() if _has_parameter(body, k)}
        parameters: list[dict[str, Any]] = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
        ]
        parameters += [
            {"ParameterKey": key, "UsePreviousValue": True}
            for key in sorted(set(current) - set(values))
            if _has_parameter(body, key)
        ]
        request = {
            "StackName": name,
            "TemplateBody": body,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": parameters,
        }
        done = "stack_update_complete" if existing else "stack_create_complete"
        updated = bool(existing)
        try:
            verb = "UpdateStack" if existing else "CreateStack"
            self.calls.call("cloudformation", verb, request, {})
            self.calls.wait("cloudformation", done, {"StackName": name}, MINUTES)
        except UnchangedError:
            updated = False
        except DeployError as error:
            raise DeployError(f"stack {name}: {self._reasons(name) or error}") from error
        self.made.add(name)
        return updated, self._outputs(name)

    def upload(self, profile: str) -> dict[str, str]:
        """Put the files of MSK Connect and MWAA into their bucket.

        Args:
            profile: ARN of the clusters' instance profile, for Airflow's start-up script.

        Returns:
            parameters of platform.yaml.
        """
        bucket = names.artefact_bucket(self.settings.user_id)
        plugin = next(self.dist.glob("msk-connect/s3-sink-*.zip"), None)
        if plugin is None:
            raise PackageError(f"{self.dist} has no msk-connect/s3-sink-*.zip: run `make package`")
        found = {f"msk-connect/{plugin.name}": plugin.read_bytes()}
        mwaa = self.dist / "mwaa"
        for path in sorted(path for path in mwaa.rglob("*") if path.is_file()):
            content = path.read_bytes()
            if path == mwaa / "startup.sh":
                content = content.replace(PROFILE.encode(), profile.encode())
            found[path.relative_to(mwaa).as_posix()] = content
        stored = {
            key: self.calls.call(
                "s3",
                "PutObject",
                {"Bucket": bucket, "Key": key, "Body": content},
                {"VersionId": f"<version of {key}>"},
            )["VersionId"]
            for key, content in found.items()
        }
        missing = [key for key in FILES if key not in stored]
        if missing:
            raise PackageError(f"{mwaa} has no {', '.join(missing)}: run `make package`")
        worker = self._file("msk-connect/worker.properties")
        return {
            "SinkPluginVersion": version(plugin.read_bytes()),
            "WorkerConfigurationVersion": version(worker),
            "AirflowRequirementsVersion": stored["requirements.txt"],
            "AirflowPluginsVersion": stored["plugins.zip"],
            "AirflowStartupVersion": stored["startup.sh"],
        }

    def brokers(self, cluster: str) -> str:
        """Addresses of the cluster's brokers, for clients that log in with IAM."""
        field = "BootstrapBrokerStringSaslIam"
        answer = self.calls.call(
            "kafka", "GetBootstrapBrokers", {"ClusterArn": cluster}, {field: f"<{field}>"}
        )
        return str(answer[field])

    def _sizes(self) -> dict[str, str]:
        return {
            "UserId": self.settings.user_id,
            "SinkFlushSize": str(self.settings.s3_sink_flush_size),
            "SinkRotateIntervalMs": str(self.settings.s3_sink_rotate_interval_ms),
        }

    def _file(self, path: str) -> bytes:
        try:
            return (self.dist / path).read_bytes()
        except OSError as error:
            raise PackageError(
                f"{self.dist / path}: {error.strerror}: run `make package`"
            ) from error

    def _describe(self, name: str, unknown: dict[str, Any]) -> dict[str, Any]:
        answer = self.calls.call(
            "cloudformation", "DescribeStacks", {"StackName": name}, {"Stacks": [unknown]}
        )
        (stack,) = answer["Stacks"]
        return dict(stack)

    def _existing(self, name: str) -> dict[str, Any]:
        """The stack as AWS describes it; empty if it doesn't exist."""
        try:
            stack = self._describe(name, {"StackName": name} if name in self.made else {})
        except MissingError:
            return {}
        if stack.get("StackStatus") in NOT_UPDATABLE:
            raise DeployError(
                f"stack {name} is {stack['StackStatus']}: delete it, then deploy again"
            )
        return stack

    def _outputs(self, name: str) -> dict[str, str]:
        stack = self._describe(name, {"Outputs": _unknown_outputs(name)})
        return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", ())}

    def _reasons(self, name: str) -> str:
        """Reasons of the failed resources of a stack, the first one first."""
        try:
            events = self.calls.call(
                "cloudformation", "DescribeStackEvents", {"StackName": name}, {"StackEvents": []}
            )["StackEvents"]
        except MissingError:
            return ""
        return "; ".join(
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("FAILED")
        )


def _parameters(stack: dict[str, Any]) -> dict[str, str]:
    """Parameters of a stack as AWS describes it."""
    listed = stack.get("Parameters", ())
    return {item["ParameterKey"]: item.get("ParameterValue", "") for item in listed}


def _has_parameter(template: str, name: str) -> bool:
    section = rf"^Parameters:\n(?:(?: .*)?\n)*?  {re.escape(name)}:"
    return re.search(section, template, re.MULTILINE) is not None


def _unknown_outputs(name: str) -> list[dict[str, str]]:
    wanted = ("RestApiId", "StageName", *PLATFORM_OUTPUTS)
    return [{"OutputKey": key, "OutputValue": f"<{key} of {name}>"} for key in wanted]


def check(settings: Settings) -> None:
    """Refuse settings that only work on one machine.

    Raises:
        SettingError: KAFKA_REST_ENDPOINT is an address of this machine, which API Gateway can't
            call (its default is allowed, since the address of the stack replaces it); or a further
            topic or stream has a name that the deployed roles do not allow.
    """
    for variable, found, prefix in (
        ("KAFKA_TOPICS", settings.kafka_topics, f"{settings.user_id}."),
        ("KINESIS_STREAMS", settings.kinesis_streams, f"streaming-{settings.user_id}-"),
    ):
        for name in found:
            if not name.startswith(prefix):
                reason = f"the deployed roles allow only names that begin with {prefix}"
                raise SettingError(variable, name, reason)
    if settings.kafka_rest_endpoint == Settings().kafka_rest_endpoint:
        return
    host = urlsplit(settings.kafka_rest_endpoint).hostname or ""
    try:
        loopback = ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if loopback:
        raise SettingError(
            "KAFKA_REST_ENDPOINT",
            settings.kafka_rest_endpoint,
            "API Gateway must reach it: set the REST proxy's public address, http://host:8082",
        )

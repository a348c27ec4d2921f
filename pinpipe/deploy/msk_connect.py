"""Hop 6 on AWS: the S3 sink's plugin, its configuration and the three requests of MSK Connect.

The configuration is that of the local worker, as ``services/connect/connector.sh --print`` prints
it for AWS.
"""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from contract import names
from contract.settings import Settings
from pinpipe.deploy.archive import version
from pinpipe.deploy.errors import PackageError

CONNECT_VERSION = "3.7.x"
"""Version of Kafka Connect, as MSK Connect names it; the plugin is compiled against 3.7."""

CONFLUENT = "io.confluent.connect.s3.S3SinkConnector"
"""Class of Confluent's S3 sink, which takes the same properties."""

JSON_CONVERTER = "org.apache.kafka.connect.json.JsonConverter"
"""Converter for Confluent's sink; the plugin of this project has its own, for JSON as text."""

PLUGIN = {"customPluginArn": "<customPluginArn of CreateCustomPlugin>", "revision": 1}
WORKER_ARN = "<workerConfigurationArn of CreateWorkerConfiguration>"
"""What CreateConnector needs of the other two responses."""

LOCAL_ONLY = ("AWS_ENDPOINT_URL",)
"""Variables of a local stack that must not get into an artefact."""


def prefix(user_id: str) -> str:
    """Prefix of the names of plugins and connectors; their versions follow."""
    return f"{user_id}-s3-sink-"


@dataclass(frozen=True)
class MskConnect:
    """The files and requests for MSK Connect, for one user id and region.

    Args:
        root: the folder with docker-compose.yml.
        environment: variables that the settings are read from.
    """

    root: Path
    environment: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        """The typed settings of that environment, without variables of a local stack."""
        return Settings.from_environ(self._for_aws)

    @property
    def _for_aws(self) -> dict[str, str]:
        return {k: v for k, v in self.environment.items() if k not in LOCAL_ONLY}

    @cached_property
    def plugin(self) -> bytes:
        """The custom plugin: the jars that the local worker loads.

        Raises:
            PackageError: the plugin isn't built.
        """
        path = self.root / ".build/connect/s3-sink.zip"
        try:
            return path.read_bytes()
        except OSError as error:
            raise PackageError(
                f"{path}: {error.strerror}: run services/connect/install.sh"
            ) from error

    @property
    def plugin_key(self) -> str:
        """Key of the plugin's object, with the version of the plugin."""
        return f"msk-connect/s3-sink-{version(self.plugin)}.zip"

    @cached_property
    def worker_properties(self) -> bytes:
        """The worker configuration, which the local worker shares with MSK Connect."""
        return (self.root / "services/connect/worker.properties").read_bytes()

    @cached_property
    def connector(self) -> dict[str, str]:
        """The connector's configuration.

        Raises:
            PackageError: the program that prints the configuration failed.
        """
        done = subprocess.run(
            [sys.executable, "-m", "services.connect.connector", "--print"],
            cwd=self.root,
            env=self._for_aws,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise PackageError(f"the connector's configuration: {done.stderr.strip()}")
        configuration: dict[str, str] = json.loads(done.stdout)
        return configuration

    @property
    def confluent_connector(self) -> dict[str, str]:
        """The configuration of Confluent's S3 sink: the same but for the classes."""
        return self.connector | {"connector.class": CONFLUENT, "value.converter": JSON_CONVERTER}

    @property
    def requests(self) -> dict[str, dict[str, Any]]:
        """Parameters of each request, with ``<name of the value>`` for what AWS generates.

        The connector's name has the versions of the plugin and of the worker configuration.
        """
        user_id, worker = self.settings.user_id, version(self.worker_properties)
        plugin = f"{prefix(user_id)}{version(self.plugin)}"
        bucket = f"arn:aws:s3:::{names.artefact_bucket(user_id)}"
        vpc = {
            "securityGroups": ["<output ConnectSecurityGroupId>"],
            "subnets": ["<each of output PrivateSubnetIds>"],
        }
        cluster = {"bootstrapServers": "<brokers of GetBootstrapBrokers, for IAM>", "vpc": vpc}
        logs = {"enabled": True, "logGroup": f"/user-{user_id}/msk-connect"}
        return {
            "create-custom-plugin": {
                "name": plugin,
                "contentType": "ZIP",
                "location": {"s3Location": {"bucketArn": bucket, "fileKey": self.plugin_key}},
            },
            "create-worker-configuration": {
                "name": f"{user_id}-worker-{worker}",
                "propertiesFileContent": base64.b64encode(self.worker_properties).decode(),
            },
            "create-connector": {
                "connectorName": f"{plugin}-{worker}",
                "kafkaConnectVersion": CONNECT_VERSION,
                "capacity": {"provisionedCapacity": {"mcuCount": 1, "workerCount": 1}},
                "connectorConfiguration": self.connector,
                "kafkaCluster": {"apacheKafkaCluster": cluster},
                "kafkaClusterClientAuthentication": {"authenticationType": "IAM"},
                "kafkaClusterEncryptionInTransit": {"encryptionType": "TLS"},
                "plugins": [{"customPlugin": PLUGIN}],
                "workerConfiguration": {"workerConfigurationArn": WORKER_ARN, "revision": 1},
                "serviceExecutionRoleArn": "<output ConnectRoleArn>",
                "logDelivery": {"workerLogDelivery": {"cloudWatchLogs": logs}},
            },
        }

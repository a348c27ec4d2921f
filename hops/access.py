"""Clients of a stack or of an AWS account, made from the variables of an environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from contract.settings import Settings

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client


KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables of access keys; without them the AWS SDKs use a profile or a role."""


def aws_session(environment: Mapping[str, str], region: str) -> Session:
    """A session with the keys of ``environment``, or with those that the SDK finds."""
    import boto3
    import botocore.session

    key, secret, token = (environment.get(name) or None for name in KEYS)
    # Keys go before a profile: the one that AWS_PROFILE names may not even exist.
    without_profile = {"profile": (None, None, None, None)} if key else None
    core = botocore.session.Session(session_vars=without_profile)
    return boto3.Session(key, secret, token, region, botocore_session=core)


class ServiceFiles(Protocol):
    """The part of an engine that clients need: it reads the secrets that services generate."""

    def read(self, service: str, path: str) -> str:
        """Text of a service's file, by its path below the run folder."""


@dataclass(frozen=True)
class Access:
    """Addresses and credentials of a running stack, or of an AWS account."""

    environment: Mapping[str, str]

    @cached_property
    def settings(self) -> Settings:
        """The typed settings of that environment."""
        return Settings.from_environ(self.environment)

    @cached_property
    def s3(self) -> S3Client:
        """A client of S3 at AWS_ENDPOINT_URL, or of AWS's S3 without that variable."""
        return self.client("s3")  # type: ignore[no-any-return]

    @cached_property
    def kinesis(self) -> KinesisClient:
        """A client of Kinesis at the same endpoint."""
        return self.client("kinesis")  # type: ignore[no-any-return]

    @cached_property
    def session(self) -> Session:
        """A session of that environment."""
        return aws_session(self.environment, self.settings.aws_region)

    def client(self, service: Any, **options: Any) -> Any:
        """A client of an AWS service; ``options`` replace botocore's configuration."""
        from botocore.config import Config

        endpoint = self.settings.aws_endpoint_url
        defaults: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 30}
        defaults["s3"] = {"addressing_style": "path"} if endpoint else {}
        config = Config(**(defaults | options))
        return self.session.client(service, endpoint_url=endpoint, config=config)

    @property
    def delta_storage_options(self) -> dict[str, str]:
        """Options with which delta-rs reads the tables."""
        options = {"AWS_REGION": self.settings.aws_region}
        for name in KEYS:
            if self.environment.get(name):
                options[name] = self.environment[name]
        endpoint = self.settings.aws_endpoint_url
        if endpoint:
            # delta-rs takes missing options from the variables of this process, which may belong
            # to another account.
            options = {"AWS_SESSION_TOKEN": "", "AWS_ENDPOINT_URL_S3": endpoint} | options
            options |= {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower(),
            }
        return options

    @property
    def kafka(self) -> dict[str, Any]:
        """Configuration of every Kafka client: addresses and login."""
        from services.kafka_client.login import client_settings

        return client_settings(self.settings, self.environment)

"""Clients of the stack, made from the environment of a client on this machine."""

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
"""What the AWS SDKs read themselves; not set, their chain goes on (profile, role)."""


def aws_session(environment: Mapping[str, str], region: str) -> Session:
    """A session with the keys of ``environment``, or with what the SDK's chain finds."""
    import boto3
    import botocore.session

    key, secret, token = (environment.get(name) or None for name in KEYS)
    # With keys a profile does not count: the one that AWS_PROFILE names may not even exist.
    without_profile = {"profile": (None, None, None, None)} if key else None
    core = botocore.session.Session(session_vars=without_profile)
    return boto3.Session(key, secret, token, region, botocore_session=core)


class Keeper(Protocol):
    """What runs the services, as far as clients need it: it reads the secrets that they make."""

    def read(self, service: str, path: str) -> str:
        """Text of a file that a service keeps, by its path below the run folder."""


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
        """A client of S3; without an endpoint of its own it's AWS's."""
        return self.client("s3")  # type: ignore[no-any-return]

    @cached_property
    def kinesis(self) -> KinesisClient:
        """A client of Kinesis, from the same place."""
        return self.client("kinesis")  # type: ignore[no-any-return]

    @cached_property
    def session(self) -> Session:
        """A session of that environment."""
        return aws_session(self.environment, self.settings.aws_region)

    def client(self, service: Any, **more: Any) -> Any:
        """A client of a service of AWS, with ``more`` configuration."""
        from botocore.config import Config

        endpoint = self.settings.aws_endpoint_url
        usual: dict[str, Any] = {"connect_timeout": 5, "read_timeout": 30}
        usual["s3"] = {"addressing_style": "path"} if endpoint else {}
        config = Config(**(usual | more))
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
            # What the options lack, delta-rs takes from the variables of this process, which may be
            # those of another account.
            options = {"AWS_SESSION_TOKEN": "", "AWS_ENDPOINT_URL_S3": endpoint} | options
            options |= {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ALLOW_HTTP": str(endpoint.startswith("http://")).lower(),
            }
        return options

    @property
    def kafka(self) -> dict[str, Any]:
        """Configuration that every Kafka client shares: addresses and login."""
        from services.kafka_client.login import client_settings

        return client_settings(self.settings, self.environment)

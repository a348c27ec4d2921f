"""Calls of AWS: made, or only shown.

Both have botocore check the parameters against AWS's own model of the service. A dry run asks
nobody and needs no credentials; where AWS would answer it goes on with ``<what the answer is>``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from hops.access import KEYS, aws_session
from pinpipe.deploy.errors import DeployError

SHOWN = 120
"""Characters of a value that a dry run shows."""


class MissingError(DeployError):
    """What a call is about isn't there."""


class UnchangedError(DeployError):
    """There is nothing to update."""


class LiveCalls:
    """Calls that are made, to AWS or to where AWS_ENDPOINT_URL in the environment says.

    Args:
        region: the region.
        environment: where access keys may be; without, botocore looks where it always does.
        talk: takes a line on each call.
        pause: seconds between two looks of a waiter.
    """

    def __init__(
        self,
        region: str,
        environment: Mapping[str, str],
        talk: Callable[[str], None],
        pause: float = 10,
    ) -> None:
        self.region, self.environment, self.talk, self.pause = region, environment, talk, pause
        self.clients: dict[str, Any] = {}

    @cached_property
    def _session(self) -> Any:
        return aws_session(self.environment, self.region)

    def _client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = self._session.client(service)
        return self.clients[service]

    def close(self) -> None:
        """Close every connection."""
        for client in self.clients.values():
            client.close()

    def call(
        self, service: str, operation: str, parameters: dict[str, Any], unknown: dict[str, Any]
    ) -> dict[str, Any]:
        """Make a call.

        Args:
            service: as botocore names it, such as ``s3``.
            operation: as AWS names it, such as ``PutObject``.
            parameters: of the call.
            unknown: the part of the answer that is used, with ``<...>`` for each value, which a
                dry run goes on with.

        Raises:
            DeployError: AWS refused it, or the parameters are not those of the operation.
            MissingError: what it's about isn't there.
        """
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        self.talk(described(service, operation, parameters))
        try:
            client = self._client(service)
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except ClientError as error:
            said = f"{service} {operation}: {error}"
            if "does not exist" in str(error):
                raise MissingError(said) from error
            if "No updates are to be performed" in str(error):
                raise UnchangedError(said) from error
            raise DeployError(said) from error
        except (BotoCoreError, AttributeError) as error:
            raise DeployError(f"{service} {operation}: {error}") from error
        return answer

    def wait(self, service: str, waiter: str, parameters: dict[str, Any], minutes: int) -> None:
        """Wait as botocore's waiter does, ``minutes`` at most.

        Raises:
            DeployError: what is waited for can't come about any more, or not in time.
        """
        from botocore.exceptions import WaiterError

        attempts = int(minutes * 60 / self.pause)
        self.talk(f"waiting for {waiter} ({minutes} min at most)")
        try:
            self._client(service).get_waiter(waiter).wait(
                **parameters, WaiterConfig={"Delay": self.pause, "MaxAttempts": attempts}
            )
        except WaiterError as error:
            raise DeployError(f"{service} {waiter}: {error}") from error


class DryCalls(LiveCalls):
    """Calls that are checked and shown: botocore stops each before it would be sent.

    Args:
        show: takes a line on each call.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__("us-east-1", dict.fromkeys(KEYS, "none"), lambda line: None)
        self.show = show

    def call(
        self, service: str, operation: str, parameters: dict[str, Any], unknown: dict[str, Any]
    ) -> dict[str, Any]:
        """Check the parameters, show the call, and go on with ``unknown``."""
        super().call(service, operation, parameters, unknown)
        self.show(described(service, operation, parameters))
        return unknown

    def wait(self, service: str, waiter: str, parameters: dict[str, Any], minutes: int) -> None:
        """Check that botocore has such a waiter, and show it."""
        if waiter not in self._client(service).waiter_names:
            raise DeployError(f"{service} has no waiter {waiter}")
        self.show(f"waiting for {waiter} ({minutes} min at most)")

    def _client(self, service: str) -> Any:
        client = super()._client(service)
        answer: tuple[Any, Any] = (SimpleNamespace(status_code=200), {})
        client.meta.events.register_first("before-call", lambda **_: answer, unique_id="dry")
        return client


def described(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    """Return a line on a call; what is long is told by its size."""
    shown = (f"{name}={_shown(value)}" for name, value in parameters.items())
    return " ".join([service, operation, *shown])


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (len(text) > SHOWN or "\n" in text):
        return f"({len(text):,} characters)"
    return text

"""Calls of AWS: sent, or only shown in a dry run.

botocore validates the parameters of both with AWS's model of the service. A dry run needs neither a
network nor credentials; in the place of a value that AWS would return it uses ``<name of the
value>``.
"""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from types import SimpleNamespace
from typing import Any

from hops.access import KEYS, aws_session
from pinpipe.deploy.errors import DeployError

NO_ECHO = ("RestProxySecret",)
"""Parameters of the templates with a secret."""
SHOWN = 120
"""Longest value that is shown, in characters."""


class MissingError(DeployError):
    """The resource of a call doesn't exist."""


class UnchangedError(DeployError):
    """An update changes nothing."""


class LiveCalls:
    """Calls that are sent to AWS, or to AWS_ENDPOINT_URL of the environment.

    Args:
        region: region of the account.
        environment: may have access keys; without them botocore uses a profile or a role.
        report: takes a line on each call.
        pause: seconds between two polls of a waiter.
    """

    def __init__(
        self,
        region: str,
        environment: Mapping[str, str],
        report: Callable[[str], None],
        pause: float = 10,
    ) -> None:
        self.region, self.environment, self.report, self.pause = region, environment, report, pause
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
        """Send a call.

        Args:
            service: as botocore names it, such as ``s3``.
            operation: as AWS names it, such as ``PutObject``.
            parameters: of the call.
            unknown: response of a dry run: the used part of the real one, with ``<...>`` for each
                value.

        Raises:
            DeployError: AWS refused the call, or the parameters don't fit the operation.
            MissingError: the resource doesn't exist.
            UnchangedError: the update changes nothing.
        """
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        self.report(call_line(service, operation, parameters))
        try:
            client = self._client(service)
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**parameters)
        except ClientError as error:
            message = f"{service} {operation}: {error}"
            if "does not exist" in str(error):
                raise MissingError(message) from error
            if "No updates are to be performed" in str(error):
                raise UnchangedError(message) from error
            raise DeployError(message) from error
        except (BotoCoreError, AttributeError) as error:
            raise DeployError(f"{service} {operation}: {error}") from error
        return answer

    def document(self, url: str, unknown: Any) -> Any:
        """Fetch a JSON document that needs no login; ``unknown`` stands for it in a dry run.

        Raises:
            DeployError: it cannot be fetched.
        """
        import requests

        self.report(f"GET {url}")
        try:
            answer = requests.get(url, timeout=60)
            answer.raise_for_status()
            return answer.json()
        except (requests.RequestException, ValueError) as error:
            raise DeployError(f"GET {url}: {error}") from error

    def wait(self, service: str, waiter: str, parameters: dict[str, Any], minutes: int) -> None:
        """Wait with botocore's waiter, ``minutes`` at most.

        Raises:
            DeployError: the state can't be reached any more, or wasn't in time.
        """
        from botocore.exceptions import WaiterError

        attempts = int(minutes * 60 / self.pause)
        self.report(f"waiting for {waiter} ({minutes} min at most)")
        try:
            self._client(service).get_waiter(waiter).wait(
                **parameters, WaiterConfig={"Delay": self.pause, "MaxAttempts": attempts}
            )
        except WaiterError as error:
            raise DeployError(f"{service} {waiter}: {error}") from error


class DryCalls(LiveCalls):
    """Calls that are validated and shown: botocore stops each before it is sent.

    Args:
        show: takes a line on each call.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__("us-east-1", dict.fromkeys(KEYS, "none"), lambda line: None)
        self.show = show

    def call(
        self, service: str, operation: str, parameters: dict[str, Any], unknown: dict[str, Any]
    ) -> dict[str, Any]:
        """Validate the parameters, show the call and return ``unknown``."""
        super().call(service, operation, parameters, unknown)
        self.show(call_line(service, operation, parameters))
        return unknown

    def document(self, url: str, unknown: Any) -> Any:
        """Show the URL and return ``unknown``."""
        self.show(f"GET {url}")
        return unknown

    def wait(self, service: str, waiter: str, parameters: dict[str, Any], minutes: int) -> None:
        """Check that botocore has the waiter, and show it."""
        if waiter not in self._client(service).waiter_names:
            raise DeployError(f"{service} has no waiter {waiter}")
        self.show(f"waiting for {waiter} ({minutes} min at most)")

    def _client(self, service: str) -> Any:
        client = super()._client(service)
        answer: tuple[Any, Any] = (SimpleNamespace(status_code=200), {})
        client.meta.events.register_first("before-call", lambda **_: answer, unique_id="dry")
        return client


def call_line(service: str, operation: str, parameters: Mapping[str, Any]) -> str:
    """Return a line on a call, with the size in the place of a long value."""
    shown = (f"{name}={_shown(value)}" for name, value in parameters.items())
    return " ".join([service, operation, *shown])


def _without_secret(item: Any) -> Any:
    """A parameter of a stack without its value, if CloudFormation does not show that either."""
    hidden = isinstance(item, dict) and item.get("ParameterKey") in NO_ECHO
    return item | {"ParameterValue": "(not shown)"} if hidden else item


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"({len(value):,} bytes)"
    if isinstance(value, list):
        value = [_without_secret(item) for item in value]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (len(text) > SHOWN or "\n" in text):
        return f"({len(text):,} characters)"
    return text

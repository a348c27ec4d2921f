"""A client of the REST API of a Kafka Connect worker, for health check and connector set-up."""

from typing import Any, Self

import requests

from contract.errors import PipelineError
from contract.secrets import secret
from contract.settings import Settings

USER = "connect"
"""The only user of the REST API."""

PLUGIN = "io.github.pinterestpipeline.connect.s3.S3SinkConnector"
"""Class of the S3 sink (``connector.class``)."""

TIMEOUT = 10.0
"""Seconds for a request; a worker does not answer while its group rebalances."""


class ConnectError(PipelineError):
    """The worker cannot be reached, or refuses a request."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the response, if there was one."""


class Worker:
    """A Connect worker at ``url``, with the password of its API."""

    def __init__(self, url: str, password: str, timeout: float = TIMEOUT) -> None:
        self.url = url
        self.timeout = timeout
        self._login = (USER, password)

    @classmethod
    def of(cls, settings: Settings, timeout: float = TIMEOUT) -> Self:
        """The worker of the settings.

        Raises:
            SettingError: the file with the password cannot be read.
        """
        password = secret("CONNECT_PASSWORD_FILE", settings.connect_password_file)
        return cls(settings.connect_url, password, timeout)

    def plugins(self) -> list[str]:
        """Return the class of each connector plugin that the worker has loaded."""
        return [plugin["class"] for plugin in self._call("GET", "/connector-plugins")]

    def validate(self, config: dict[str, str]) -> dict[str, list[str]]:
        """Return the errors of a configuration, by property; empty if it is valid."""
        path = f"/connector-plugins/{config['connector.class']}/config/validate"
        values = (entry["value"] for entry in self._call("PUT", path, config)["configs"])
        return {value["name"]: value["errors"] for value in values if value["errors"]}

    def config(self, name: str) -> dict[str, str] | None:
        """Return the configuration of the connector ``name``, or None if it does not exist."""
        try:
            config: dict[str, str] = self._call("GET", f"/connectors/{name}/config")
        except ConnectError as error:
            if error.status == 404:
                return None
            raise
        return config

    def configure(self, name: str, config: dict[str, str]) -> None:
        """Create the connector ``name``, or change its configuration."""
        self._call("PUT", f"/connectors/{name}/config", config)

    def delete(self, name: str) -> None:
        """Delete the connector ``name``; its objects and its consumer group stay."""
        self._call("DELETE", f"/connectors/{name}")

    def status(self, name: str) -> dict[str, Any]:
        """Return the state of a connector and of its tasks.

        Raises:
            ConnectError: with status 404 while the connector does not exist.
        """
        status: dict[str, Any] = self._call("GET", f"/connectors/{name}/status")
        return status

    def restart_failed(self, name: str) -> None:
        """Restart the connector and its tasks if they have failed."""
        self._call("POST", f"/connectors/{name}/restart?includeTasks=true&onlyFailed=true")

    def _call(self, method: str, path: str, body: dict[str, str] | None = None) -> Any:
        try:
            response = requests.request(
                method, self.url + path, json=body, timeout=self.timeout, auth=self._login
            )
        except requests.RequestException as error:
            raise ConnectError(f"no answer from Kafka Connect at {self.url}: {error}") from error
        if not response.ok:
            try:
                reason = response.json()["message"]
            except (ValueError, KeyError, TypeError):
                reason = response.text.strip()
            raise ConnectError(
                f"{method} {path}: {response.status_code} {reason}", response.status_code
            )
        return response.json() if response.content else None

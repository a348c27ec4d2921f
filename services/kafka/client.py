"""The admin client with which the health check and the topic creator reach the broker."""

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from contract.errors import PipelineError
from contract.settings import Settings
from services.kafka_client.login import LoginWatch, client_settings

FIRST_CHECK = 0.5
"""Seconds until the first check whether the login was refused; the interval then doubles."""


class BrokerError(PipelineError):
    """The broker cannot be reached, or refuses a request."""


class Admin:
    """An admin client that reports why its connection failed."""

    def __init__(self, settings: Settings) -> None:
        self.servers = settings.kafka_bootstrap_servers
        self._watch = LoginWatch(settings)
        self._auth = settings.kafka_auth
        # The client library passes to error_cb what it would also log.
        errors = {"error_cb": self._watch, "log_level": 0}
        self.client = AdminClient(client_settings(settings) | errors)

    def metadata(self, timeout: float) -> ClusterMetadata:
        """Return the brokers and topics; ``timeout`` in seconds.

        Raises:
            BrokerError: no answer in time, or the broker has not yet joined its cluster.
            LoginError: the login is refused; raised without waiting for the timeout.
        """
        deadline = time.monotonic() + timeout
        interval = timeout if self._auth == "none" else FIRST_CHECK
        while True:
            try:
                left = deadline - time.monotonic()
                metadata = self.client.list_topics(timeout=max(0.0, min(left, interval)))
                break
            except KafkaException as error:
                self.client.poll(0)  # the reason of a failed connection arrives here
                if self._watch.refused is not None:
                    raise self._watch.refused from error
                if time.monotonic() >= deadline:
                    reason = self._watch.last_error or error.args[0].str()
                    where = f"{self.servers} (KAFKA_AUTH={self._auth})"
                    raise BrokerError(f"no answer from Kafka at {where}: {reason}") from error
            interval *= 2
        if not metadata.brokers:
            raise BrokerError(f"Kafka at {self.servers} answers but has no broker ready yet")
        return metadata

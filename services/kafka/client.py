"""How Python code reaches the broker with an administrator's client."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from contract.errors import PipelineError
from contract.settings import Settings


class BrokerError(PipelineError):
    """The broker can't be reached, or refuses what it is asked."""


class Admin:
    """An administrator's client that knows why its connection failed."""

    def __init__(self, settings: Settings) -> None:
        self.servers = settings.kafka_bootstrap_servers
        self.last_error = ""
        configuration: dict[str, Any] = {
            "bootstrap.servers": self.servers,
            "error_cb": self._on_error,
            "log_level": 0,  # what it would log comes through error_cb, once
        }
        self.client = AdminClient(configuration)

    def _on_error(self, error: KafkaError) -> None:
        self.last_error = error.str()

    def metadata(self, timeout: float) -> ClusterMetadata:
        """Ask for the brokers and topics; ``timeout`` in seconds.

        Raises:
            BrokerError: no answer in time, or the broker has not yet joined its cluster.
        """
        try:
            metadata = self.client.list_topics(timeout=timeout)
        except KafkaException as error:
            self.client.poll(0)  # the reason of a failed connection arrives here
            reason = self.last_error or error.args[0].str()
            raise BrokerError(f"no answer from Kafka at {self.servers}: {reason}") from error
        if not metadata.brokers:
            raise BrokerError(f"Kafka at {self.servers} answers but has no broker ready yet")
        return metadata

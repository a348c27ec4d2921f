"""How Python code reaches the broker with an administrator's client."""

from __future__ import annotations

import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._metadata import ClusterMetadata

from contract.errors import PipelineError
from contract.settings import Settings
from services.kafka_client.login import Watch, client_settings

FIRST_LOOK = 0.5
"""Seconds after which a client that logs in looks whether that was refused; then twice as many."""


class BrokerError(PipelineError):
    """The broker can't be reached, or refuses what it is asked."""


class Admin:
    """An administrator's client that knows why its connection failed."""

    def __init__(self, settings: Settings) -> None:
        self.servers = settings.kafka_bootstrap_servers
        self._watch = Watch(settings)
        self._auth = settings.kafka_auth
        # What the client library would log comes through error_cb, once.
        own = {"error_cb": self._watch, "log_level": 0}
        self.client = AdminClient(client_settings(settings) | own)

    def metadata(self, timeout: float) -> ClusterMetadata:
        """Ask for the brokers and topics; ``timeout`` in seconds.

        Raises:
            BrokerError: no answer in time, or the broker has not yet joined its cluster.
            LoginError: the login is refused, which is told as soon as it is known.
        """
        deadline = time.monotonic() + timeout
        look = timeout if self._auth == "none" else FIRST_LOOK
        while True:
            try:
                left = deadline - time.monotonic()
                metadata = self.client.list_topics(timeout=max(0.0, min(left, look)))
                break
            except KafkaException as error:
                self.client.poll(0)  # the reason of a failed connection arrives here
                if self._watch.refused is not None:
                    raise self._watch.refused from error
                if time.monotonic() >= deadline:
                    reason = self._watch.last_error or error.args[0].str()
                    where = f"{self.servers} (KAFKA_AUTH={self._auth})"
                    raise BrokerError(f"no answer from Kafka at {where}: {reason}") from error
            look *= 2
        if not metadata.brokers:
            raise BrokerError(f"Kafka at {self.servers} answers but has no broker ready yet")
        return metadata

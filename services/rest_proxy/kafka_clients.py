"""The configuration that all Kafka clients of the proxy share, in addition to address and login."""

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from contract.settings import Settings
from services.kafka_client.login import client_settings

TIMEOUT = 10.0
"""Seconds that a request waits for the broker; produce requests have a limit of their own."""


def client_configuration(
    settings: Settings, on_error: Callable[[KafkaError], None]
) -> dict[str, Any]:
    """Return the configuration that the producer, the consumers and the admin client share."""
    return {
        **client_settings(settings),
        "client.id": "rest-proxy",
        "error_cb": on_error,
        "log_level": 0,  # the library passes the same errors to on_error
        # A client reconnects within a second after the broker has restarted (10 s by default).
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        # The same for a broker that hung: a connection that it accepted but never answered is
        # replaced (after 30 s by default, while TCP retransmits ever more rarely).
        "socket.connection.setup.timeout.ms": 5000,
        "socket.keepalive.enable": True,
    }

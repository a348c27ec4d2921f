"""How every Kafka client of the proxy reaches the broker, beside address and login."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError

from contract.settings import Settings
from services.kafka_client.login import client_settings

TIMEOUT = 10.0
"""Seconds that a call waits for the broker, unless it produces."""


def client_configuration(
    settings: Settings, on_error: Callable[[KafkaError], None]
) -> dict[str, Any]:
    """Configuration that producer, consumers and administrator share."""
    return {
        **client_settings(settings),
        "client.id": "rest-proxy",
        "error_cb": on_error,
        "log_level": 0,  # what it would log comes to on_error
        # A broker that comes back is found within a second (10 by default).
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
        # So is one that hung: a connection that it took and never answered is made again (30 s by
        # default, while the system repeats what was sent at ever greater distances).
        "socket.connection.setup.timeout.ms": 5000,
        "socket.keepalive.enable": True,
    }

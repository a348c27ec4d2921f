"""Prints the worker's login at Kafka, as lines of its properties.

The worker has four kinds of client, each with settings of its own: without a prefix for its group
and its three topics, ``consumer.`` for a sink's records, ``producer.`` for dead letters and
``admin.`` for their topic.
"""

import sys

from contract.program import exit_status
from contract.settings import Settings
from services.kafka_client.login import java_settings

CLIENTS = ("", "consumer.", "producer.", "admin.")


def lines(settings: Settings) -> list[str]:
    """Return lines of a properties file; none if KAFKA_AUTH is none.

    Raises:
        SettingError: the file of KAFKA_CA_FILE does not exist, or the password is missing.
    """
    login = java_settings(settings)
    escaped = {name: value.replace("\\", "\\\\") for name, value in login.items()}
    return [f"{client}{name}={value}" for client in CLIENTS for name, value in escaped.items()]


def main() -> int:
    """Return the exit status."""
    return exit_status(lambda: print("\n".join(lines(Settings.from_environ()))))


if __name__ == "__main__":
    sys.exit(main())

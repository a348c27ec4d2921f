"""Prints how the worker logs in at Kafka, as lines of its properties.

The worker has four kinds of client, each with settings of its own: its group and its
three topics take those without a prefix, a sink's records ``consumer.``, dead letters
``producer.`` and their topic ``admin.``.
"""

from __future__ import annotations

import sys

from contract.program import exit_status
from contract.settings import Settings
from services.kafka_client.login import java_settings

CLIENTS = ("", "consumer.", "producer.", "admin.")


def lines(settings: Settings) -> list[str]:
    """Lines of a properties file; none where nobody logs in.

    Raises:
        SettingError: there is no file of the name that KAFKA_CA_FILE has.
    """
    login = java_settings(settings)
    escaped = {name: value.replace("\\", "\\\\") for name, value in login.items()}
    return [f"{client}{name}={value}" for client in CLIENTS for name, value in escaped.items()]


def main() -> int:
    """Return the exit status."""
    return exit_status(lambda: print("\n".join(lines(Settings.from_environ()))))


if __name__ == "__main__":
    sys.exit(main())

"""Creates the topics of the pipeline: one for each entity, those of KAFKA_TOPICS, dead letters.

Idempotent: an existing topic stays unchanged, and is reported when its number of partitions differs
from the setting. Brokers that do not create topics by themselves (this project's, and MSK's by
default) need this one-shot before the first record.
"""

import sys

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from contract import names
from contract.program import exit_status
from contract.settings import Settings
from services.kafka.client import Admin, BrokerError

TIMEOUT = 30.0
"""Seconds for each request to the broker."""


def wanted(settings: Settings) -> dict[str, int]:
    """Return the number of partitions of each topic, by name.

    The dead-letter topic has one partition, so that a person reads it in order.
    """
    partitions = dict.fromkeys(settings.topics, settings.kafka_topic_partitions)
    return {**partitions, names.dead_letter_topic(settings.user_id): 1}


def create(admin: Admin, topics: dict[str, int]) -> list[str]:
    """Create the missing ones of ``topics``; return a line on each, in the same order.

    Raises:
        BrokerError: the broker cannot be reached or refuses a topic.
        LoginError: the broker refuses the login.
    """
    found = {name: len(topic.partitions) for name, topic in admin.metadata(TIMEOUT).topics.items()}
    # Replication: the broker's default, which is 1 here and 3 on MSK.
    new = [NewTopic(name, count) for name, count in topics.items() if name not in found]
    for name, future in (admin.client.create_topics(new) if new else {}).items():
        try:
            future.result(TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # by another run
                raise BrokerError(f"topic {name} not created: {error.args[0].str()}") from error
    return [_report(name, count, found.get(name)) for name, count in topics.items()]


def _report(name: str, expected: int, found: int | None) -> str:
    if found is None:
        return f"topic {name}: created, {_partitions(expected)}"
    if found == expected:
        return f"topic {name}: exists"
    return (
        f"topic {name}: exists with {_partitions(found)}, unchanged; "
        f"KAFKA_TOPIC_PARTITIONS is {expected}"
    )


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"


def main() -> int:
    """Return the exit status; stderr has a line on each topic."""

    def run() -> None:
        settings = Settings.from_environ()
        print("\n".join(create(Admin(settings), wanted(settings))), file=sys.stderr)

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())

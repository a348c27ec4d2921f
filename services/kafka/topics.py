"""Creates the topics of the pipeline: one for each entity, and the dead-letter topic.

Idempotent: a topic that is there is left as it is, and reported when it has another
number of partitions than is asked for. Brokers that don't create topics by
themselves (ours, and MSK by default) need this before the first record.
"""

from __future__ import annotations

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
    """Partitions of each topic, by name.

    The dead-letter topic has one: it is for a person to read, in order.
    """
    partitions = dict.fromkeys(names.topics(settings.user_id), settings.kafka_topic_partitions)
    return {**partitions, names.dead_letter_topic(settings.user_id): 1}


def create(admin: Admin, topics: dict[str, int]) -> list[str]:
    """Create what is missing of ``topics``; return a line on each, in the order given.

    Raises:
        BrokerError: the broker can't be reached or refuses a topic.
        LoginError: it refuses the login.
    """
    there = {name: len(topic.partitions) for name, topic in admin.metadata(TIMEOUT).topics.items()}
    # Replication: the broker's default, which is 1 here and 3 on MSK.
    new = [NewTopic(name, count) for name, count in topics.items() if name not in there]
    for name, future in (admin.client.create_topics(new) if new else {}).items():
        try:
            future.result(TIMEOUT)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:  # another run was quicker
                raise BrokerError(f"topic {name} not created: {error.args[0].str()}") from error
    return [_report(name, count, there.get(name)) for name, count in topics.items()]


def _report(name: str, asked: int, found: int | None) -> str:
    if found is None:
        return f"topic {name}: created, {_partitions(asked)}"
    if found == asked:
        return f"topic {name}: is there"
    return (
        f"topic {name}: is there with {_partitions(found)}, left as it is; "
        f"KAFKA_TOPIC_PARTITIONS asks for {asked}"
    )


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"


def main() -> int:
    """Return the exit status; what was done is on stderr."""

    def run() -> None:
        settings = Settings.from_environ()
        print("\n".join(create(Admin(settings), wanted(settings))), file=sys.stderr)

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main())

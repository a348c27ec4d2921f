"""Where a consumer stands in each partition, and what of it is committed.

A position is the offset after the last record that was given out, so that is what gets
committed: never a record that was only fetched.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from services.rest_proxy.bodies import TopicPartition, TopicPartitionOffset
from services.rest_proxy.fetched import Place
from services.rest_proxy.kafka_clients import TIMEOUT


class Positions:
    """The positions of one consumer that its client has not yet committed."""

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._next: dict[Place, int] = {}

    def get(self, place: Place) -> int | None:
        """Offset of the next record to give out; None where none was given out or sought."""
        return self._next.get(place)

    def move(self, place: Place, offset: int) -> None:
        """Go on at ``offset``."""
        self._next[place] = offset

    def clear(self) -> None:
        """Forget every position."""
        self._next.clear()

    def drop(self, places: Collection[Place]) -> None:
        """Forget the positions in some partitions."""
        self._next = {place: at for place, at in self._next.items() if place not in places}

    def keep(self, places: Collection[Place]) -> None:
        """Forget the positions in all but some partitions."""
        self._next = {place: at for place, at in self._next.items() if place in places}

    def _of(self, places: Collection[Place]) -> list[KafkaPartition]:
        return [KafkaPartition(*place, at) for place, at in self._next.items() if place in places]

    def commit(self, mine: Collection[Place], asynchronous: bool) -> None:
        """Commit all that was given out of the partitions that are ``mine``.

        Raises:
            KafkaException: the broker refuses it, or does not answer.
        """
        self._commit(self._of(mine), asynchronous)

    def commit_read(self, offsets: Sequence[TopicPartitionOffset], asynchronous: bool) -> None:
        """Commit ``offsets`` as read, so the next one of each.

        Raises:
            KafkaException: the broker refuses it, or does not answer.
        """
        places = [
            KafkaPartition(place.topic, place.partition, place.offset + 1, place.metadata)
            if place.metadata is not None
            else KafkaPartition(place.topic, place.partition, place.offset + 1)
            for place in offsets
        ]
        self._commit(places, asynchronous)

    def _commit(self, places: list[KafkaPartition], asynchronous: bool) -> None:
        if not places:
            return
        if asynchronous:
            self._consumer.commit(offsets=places, asynchronous=True)
            return
        for place in self._consumer.commit(offsets=places, asynchronous=False):
            if place.error is not None:
                raise KafkaException(place.error)

    def store(self, mine: Collection[Place]) -> None:
        """Leave what was given out of ``mine`` to the client library, which commits it in time."""
        try:
            self._consumer.store_offsets(offsets=self._of(mine))
        except KafkaException as error:
            # The group has just given a partition to another instance, which reads it again.
            if error.args[0].code() != KafkaError._STATE:
                raise

    def committed(self, partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
        """What is committed of each partition; one without a commit is left out.

        Raises:
            KafkaException: the broker does not answer.
        """
        asked = [KafkaPartition(place.topic, place.partition) for place in partitions]
        return [
            {
                "topic": found.topic,
                "partition": found.partition,
                "offset": found.offset,
                "metadata": found.metadata or "",
            }
            for found in self._consumer.committed(asked, timeout=TIMEOUT)
            if found.error is None and found.offset >= 0
        ]

"""Which partitions a consumer reads: those that its group gives it, or those it was told to.

A consumer subscribes, to topics or to a pattern, or it is assigned partitions by hand: one of
the three at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import TopicPartition as KafkaPartition

from services.rest_proxy.backlog import Backlog
from services.rest_proxy.bodies import TopicPartition, TopicPartitionOffset
from services.rest_proxy.errors import ApiError, Code, kafka_error
from services.rest_proxy.fetched import Place
from services.rest_proxy.kafka_clients import TIMEOUT
from services.rest_proxy.positions import Positions

_COMMITTED = -1001
"""What the client library takes for "from the committed offset"."""


class Assignment:
    """The partitions of one consumer, and seeking in them."""

    def __init__(self, consumer: Consumer, positions: Positions, backlog: Backlog) -> None:
        self._consumer, self._positions, self._backlog = consumer, positions, backlog
        self.topics: list[str] = []
        """Topics that the consumer has subscribed to."""
        self.pattern: str | None = None
        """Pattern that ``topics`` fit, where the client has subscribed to one."""
        self._by_hand: dict[Place, int] = {}
        """What the client has assigned, with the place to go on from where one is set."""

    def subscribe(self, topics: list[str] | None, pattern: str | None, matching: list[str]) -> None:
        """Join the group for ``topics``, or for the topics ``matching`` now that ``pattern`` fits.

        Raises:
            ApiError: 40903, the consumer has another way of getting its partitions already.
        """
        other = (
            self.pattern is not None if pattern is None else bool(self.topics and not self.pattern)
        )
        if self._by_hand or other or (topics is not None and pattern is not None):
            raise _exclusive()
        self.pattern = pattern
        self._join(matching if topics is None else topics)

    def match(self, matching: list[str]) -> None:
        """Follow the topics that fit the pattern, as they come and go."""
        if self.pattern is not None and matching != self.topics:
            self._join(matching)

    def _join(self, topics: list[str]) -> None:
        if topics:
            self._consumer.subscribe(topics, on_revoke=self._revoked, on_lost=self._revoked)
        elif self.topics:
            self._consumer.unsubscribe()
        self.topics = topics

    def _revoked(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        gone = {(place.topic, place.partition) for place in partitions}
        self._positions.drop(gone)
        self._backlog.drop(gone)

    def unsubscribe(self) -> None:
        """Give up the subscription or the assignment."""
        self._consumer.unsubscribe()
        self._consumer.unassign()
        self.topics, self.pattern = [], None
        self._by_hand.clear()
        self._backlog.clear()
        self._positions.clear()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read ``partitions`` without joining the group, each from its committed offset.

        Raises:
            ApiError: 40903, the consumer has subscribed.
        """
        if self.topics or self.pattern is not None:
            raise _exclusive()
        self._restart([(partition.topic, partition.partition) for partition in partitions])

    def _restart(self, places: Iterable[Place]) -> None:
        # Assigning anew takes effect at once; a seek fails while a partition is not yet fetched.
        by_hand = {}
        for place in places:
            position = self._positions.get(place)
            by_hand[place] = self._by_hand.get(place, _COMMITTED) if position is None else position
        self._consumer.assign([KafkaPartition(*place, at) for place, at in by_hand.items()])
        self._by_hand = by_hand
        self._backlog.clear()
        self._positions.keep(by_hand)

    def places(self) -> list[Place]:
        """The partitions that the consumer reads now."""
        if self._by_hand:
            return list(self._by_hand)
        return [(place.topic, place.partition) for place in self._consumer.assignment()]

    def seek(self, offsets: Iterable[TopicPartitionOffset]) -> None:
        """Go on reading at ``offsets``.

        Raises:
            ApiError: 40903, a partition is not among those that the consumer reads.
        """
        self._seek({(place.topic, place.partition): place.offset for place in offsets})

    def seek_edge(self, partitions: Iterable[TopicPartition], end: bool) -> None:
        """Go on reading at the first record of each partition, or after its last one.

        Raises:
            ApiError: 40903 as above; 50003, the broker does not answer.
            KafkaException: the broker knows no such partition.
        """
        places = [(partition.topic, partition.partition) for partition in partitions]
        self._check(places)
        self._seek({place: self._edges(place)[end] for place in places})

    def _edges(self, place: Place) -> tuple[int, int]:
        edges = self._consumer.get_watermark_offsets(KafkaPartition(*place), timeout=TIMEOUT)
        if edges is None:
            raise kafka_error(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
        first, following = edges
        return first, following

    def _check(self, places: Iterable[Place]) -> None:
        assigned = set(self.places())
        for topic, partition in places:
            if (topic, partition) not in assigned:
                raise ApiError(
                    Code.ILLEGAL_STATE, f"No current assignment for partition {topic}-{partition}"
                )

    def _seek(self, targets: dict[Place, int]) -> None:
        self._check(targets)
        if self._by_hand:
            for place, offset in targets.items():
                self._positions.move(place, offset)
            self._restart(self._by_hand)
            return
        for place, offset in targets.items():
            self._seek_joined(place, offset)
            self._positions.move(place, offset)
        self._backlog.drop(targets)

    def _seek_joined(self, place: Place, offset: int) -> None:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return self._consumer.seek(KafkaPartition(*place, offset))
            except KafkaException as error:
                starting = error.args[0].code() == KafkaError._STATE
                if not starting or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # the partition was assigned a moment ago


def _exclusive() -> ApiError:
    return ApiError(
        Code.ILLEGAL_STATE,
        "Subscription to topics, partitions and pattern are mutually exclusive",
    )

"""One consumer instance: a Kafka consumer that is driven call by call.

A consumer subscribes, to topics or to a pattern, or it is assigned partitions by hand: one of
the three at a time. Records that were fetched but did not fit into an answer wait in its backlog
for the next one. A position is the offset after the last record that was given out, so that is
what gets committed: never a record that was only fetched.

The methods block: they run in a thread, one at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from contract.settings import Settings
from services.rest_proxy.consume.record import Place, offset_of, place_of, size_of, view
from services.rest_proxy.http.bodies import ConsumerOptions, TopicPartition, TopicPartitionOffset
from services.rest_proxy.http.errors import ApiError, Code, kafka_error
from services.rest_proxy.kafka_clients import TIMEOUT, client_configuration

FETCH = 500
"""Records taken from the client library at a time."""

SLICE = 0.2
"""Seconds after which a read that waits looks whether the instance is being closed."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of keys and values in one answer, at most."""

_COMMITTED = -1001
"""What the client library takes for "from the committed offset"."""

_FATAL_READS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError._FATAL,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)
"""Errors that end a read; the client library gets over the others by itself."""


class ConsumerInstance:
    """A Kafka consumer, which partitions it reads and where it stands in them."""

    def __init__(self, settings: Settings, group: str, name: str, options: ConsumerOptions) -> None:
        self.options = options
        self.closing = False
        self._paused = False
        self._read_at = 0.0
        self.topics: list[str] = []
        """Topics that the consumer has subscribed to."""
        self.pattern: str | None = None
        """Pattern that ``topics`` fit, where the client has subscribed to one."""
        self._by_hand: dict[Place, int] = {}
        """What the client has assigned, with the place to go on from where one is set."""
        self._buffer: deque[Message] = deque()
        """Records that were fetched and not yet given out, in order."""
        self._next: dict[Place, int] = {}
        """Offset of the next record to give out, where one was given out or sought."""
        timeout_ms = settings.rest_proxy_consumer_timeout_ms
        self._consumer = Consumer(
            {
                **client_configuration(settings, lambda error: None),
                "group.id": group,
                "client.id": name,
                "auto.offset.reset": options.auto_offset_reset,
                "enable.auto.commit": options.auto_commit,
                "enable.auto.offset.store": False,
                # An instance may be left alone for as long as it lives.
                "max.poll.interval.ms": min(max(300_000, 2 * timeout_ms), 86_400_000),
                "queued.max.messages.kbytes": 8192,
                "fetch.wait.max.ms": 100,
            }
        )

    # Which partitions

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
        self._next = {place: at for place, at in self._next.items() if place not in gone}
        self._drop(gone)

    def unsubscribe(self) -> None:
        """Give up the subscription or the assignment."""
        self._consumer.unsubscribe()
        self._consumer.unassign()
        self.topics, self.pattern = [], None
        self._by_hand.clear()
        self._buffer.clear()
        self._next.clear()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read ``partitions`` without joining the group, each from its committed offset.

        Raises:
            ApiError: 40903, the consumer has subscribed.
        """
        if self.topics or self.pattern is not None:
            raise _exclusive()
        self._restart([(partition.topic, partition.partition) for partition in partitions])

    def _restart(self, places: Iterable[Place]) -> None:
        # Assigning again takes effect at once; a seek fails while a partition is not yet fetched.
        by_hand = {
            place: self._next.get(place, self._by_hand.get(place, _COMMITTED)) for place in places
        }
        self._consumer.assign([KafkaPartition(*place, at) for place, at in by_hand.items()])
        self._by_hand = by_hand
        self._buffer.clear()
        self._next = {place: at for place, at in self._next.items() if place in by_hand}

    def places(self) -> list[Place]:
        """The partitions that the consumer reads now."""
        if self._by_hand:
            return list(self._by_hand)
        return [(place.topic, place.partition) for place in self._consumer.assignment()]

    # Where in them

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
            self._next |= targets
            self._restart(self._by_hand)
            return
        for place, offset in targets.items():
            self._seek_joined(place, offset)
            self._next[place] = offset
        self._drop(targets)

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

    def _drop(self, places: Collection[Place]) -> None:
        """Drop the records of some partitions that wait."""
        self._buffer = deque(record for record in self._buffer if place_of(record) not in places)

    # Reading

    def keep(self) -> None:
        """Take part in what the group does, while no client reads.

        The client library waits for a poll before it gives partitions up, so an instance that
        nobody reads would hold up its whole group. Fetching pauses until the next read.

        Raises:
            KafkaException: an error that ends a read.
        """
        assigned = self._consumer.assignment()
        if assigned:
            self._consumer.pause(assigned)
            self._paused = True
        self._take([self._consumer.poll(0)])

    def unread_for(self) -> float:
        """Seconds since the last read of a client that has subscribed; 0 for one that has not."""
        return time.monotonic() - self._read_at if self.topics else 0.0

    def read(self, timeout: float | None, max_bytes: int | None) -> bytes:
        """JSON list of the next records, as soon as there are ``fetch.min.bytes`` of them.

        ``timeout`` in seconds and ``max_bytes`` of keys and values lower the bounds of the
        instance; one record is given however large it is.

        Raises:
            ApiError: 50002, the next record is not JSON; it stays the next one until the client
                seeks past it.
            KafkaException: an error that ends a read.
        """
        longest = self.options.timeout
        deadline = time.monotonic() + (longest if timeout is None else min(timeout, longest))
        bound = MAX_BYTES if max_bytes is None else min(max_bytes, MAX_BYTES)
        given: list[bytes] = []
        size = 0
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        while True:
            added, full = self._give(given, size, bound)
            size += added
            left = deadline - time.monotonic()
            if full or left <= 0 or self.closing:
                break
            enough = size >= self.options.min_bytes
            if not self._fetch(0 if enough else min(left, SLICE)) and enough:
                break
        self._read_at = time.monotonic()
        if self.options.auto_commit:
            self._store()
        return b"[%b]" % b",".join(given)

    def _fetch(self, wait: float) -> bool:
        """Take what the client library has, waiting ``wait`` seconds for the first record."""
        first = self._consumer.poll(wait)
        return first is not None and self._take([first, *self._consumer.consume(FETCH, 0)])

    def _take(self, messages: Iterable[Message | None]) -> bool:
        """Put what was fetched with the records that wait; return whether any was a record.

        Raises:
            KafkaException: a message tells of an error that ends the read.
        """
        waiting = {place_of(record) for record in self._buffer}
        taken = False
        for message in messages:
            error = None if message is None else message.error()
            if error is not None and error.code() in _FATAL_READS:
                raise KafkaException(error)
            if message is not None and error is None:
                place = place_of(message)
                if place not in waiting:
                    waiting.add(place)
                    self._next[place] = offset_of(message)
                self._buffer.append(message)
                taken = True
        return taken

    def _give(self, given: list[bytes], size: int, bound: int) -> tuple[int, bool]:
        """Move records to ``given``, shown as JSON, while they fit.

        ``size`` bytes of keys and values are given already, ``bound`` may be; one record is given
        however large it is. Records of partitions that are no longer read are dropped: the group
        has given them to another instance meanwhile.

        Returns:
            The bytes moved, and whether the answer is full.

        Raises:
            ApiError: 50002, the first record is not JSON; it stays.
        """
        mine = set(self.places()) if self._buffer else set()
        added = 0
        while self._buffer:
            record = self._buffer[0]
            place = place_of(record)
            if place in mine:
                length = size_of(record)
                if given and size + added + length > bound:
                    return added, True
                try:
                    given.append(view(record, self.options.format))
                except ApiError:
                    if given:
                        return added, True
                    raise
                added += length
                self._next[place] = offset_of(record) + 1
            self._buffer.popleft()
        return added, size + added >= bound

    # Committing

    def _given_out(self) -> list[KafkaPartition]:
        """The positions in the partitions that the consumer reads now."""
        mine = set(self.places())
        return [KafkaPartition(*place, at) for place, at in self._next.items() if place in mine]

    def commit(self, read: Sequence[TopicPartitionOffset] | None, asynchronous: bool) -> None:
        """Commit the offsets ``read``, so the next one of each; None is all that was given out.

        Raises:
            KafkaException: the broker refuses it, or does not answer.
        """
        places = self._given_out() if read is None else [_following(place) for place in read]
        if not places:
            return
        if asynchronous:
            self._consumer.commit(offsets=places, asynchronous=True)
            return
        for place in self._consumer.commit(offsets=places, asynchronous=False):
            if place.error is not None:
                raise KafkaException(place.error)

    def _store(self) -> None:
        """Leave what was given out to the client library, which commits it in time."""
        try:
            self._consumer.store_offsets(offsets=self._given_out())
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

    def close(self) -> None:
        """Leave the group; commits what was given out, where the consumer commits by itself."""
        self._consumer.close()


def _following(read: TopicPartitionOffset) -> KafkaPartition:
    metadata = () if read.metadata is None else (read.metadata,)
    return KafkaPartition(read.topic, read.partition, read.offset + 1, *metadata)


def _exclusive() -> ApiError:
    return ApiError(
        Code.ILLEGAL_STATE,
        "Subscription to topics, partitions and pattern are mutually exclusive",
    )

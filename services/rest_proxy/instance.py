"""One consumer instance: a Kafka consumer that is driven call by call.

Its methods block, so they run in a thread, one at a time. Records that were fetched but did
not fit into an answer wait in ``_ahead``; what is committed is only what was given out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from contract.settings import Settings
from services.rest_proxy.bodies import TopicPartition, TopicPartitionOffset
from services.rest_proxy.errors import ApiError, Code, kafka_error
from services.rest_proxy.fetched import Place, offset_of, place_of, size_of, view
from services.rest_proxy.kafka_clients import client_configuration
from services.rest_proxy.options import Options

FETCH = 500
"""Records taken from the client library at a time."""

SLICE = 0.2
"""Seconds after which a read that waits looks whether the instance is being closed."""

TIMEOUT = 10.0
"""Seconds that a call waits for the broker."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of keys and values in one answer, at most."""

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


class Instance:
    """A Kafka consumer and what it has been asked for so far."""

    def __init__(self, settings: Settings, group: str, name: str, options: Options) -> None:
        self.options = options
        self.closing = False
        self.topics: list[str] = []
        self.pattern: str | None = None
        self._assigned: dict[Place, int] = {}
        """What the client has assigned by hand, with the place to go on from where one is set."""
        self._ahead: deque[Message] = deque()
        self._paused = False
        self._read_at = 0.0
        self._given: dict[Place, int] = {}
        """Offset after the last record given out, not yet committed by the client."""
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
            ApiError: 40903, the instance has another way of getting its partitions already.
        """
        other = (
            self.pattern is not None if pattern is None else bool(self.topics and not self.pattern)
        )
        if self._assigned or other or (topics is not None and pattern is not None):
            raise ApiError(
                Code.ILLEGAL_STATE,
                "Subscription to topics, partitions and pattern are mutually exclusive",
            )
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
        self._given = {place: at for place, at in self._given.items() if place not in gone}
        self._ahead = deque(message for message in self._ahead if place_of(message) not in gone)

    def keep(self) -> None:
        """Take part in what the group does, while no client reads.

        The client library waits for a poll before it gives partitions up, so an instance that
        nobody reads would hold up its whole group. Fetching pauses until the next read.
        """
        assigned = self._consumer.assignment()
        if assigned:
            self._consumer.pause(assigned)
            self._paused = True
        self._take(self._consumer.poll(0))

    def unread_for(self) -> float:
        """Seconds since the last read of a client that has subscribed; 0 for one that has not."""
        return time.monotonic() - self._read_at if self.topics else 0.0

    def unsubscribe(self) -> None:
        """Give up the subscription or the assignment."""
        self._consumer.unsubscribe()
        self._consumer.unassign()
        self.topics, self.pattern = [], None
        self._assigned.clear()
        self._ahead.clear()
        self._given.clear()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read ``partitions`` without joining the group, each from its committed offset.

        Raises:
            ApiError: 40903, the instance has subscribed.
        """
        if self.topics or self.pattern is not None:
            raise ApiError(
                Code.ILLEGAL_STATE,
                "Subscription to topics, partitions and pattern are mutually exclusive",
            )
        places = [(partition.topic, partition.partition) for partition in partitions]
        self._restart({place: self._next(place) for place in places})

    def _next(self, place: Place) -> int:
        """Where an assigned partition goes on; below 0: from its committed offset."""
        return self._given.get(place, self._assigned.get(place, -1001))

    def _restart(self, assigned: dict[Place, int]) -> None:
        # Assigning anew takes effect at once; a seek fails while a partition is not yet fetched.
        self._consumer.assign([KafkaPartition(*place, at) for place, at in assigned.items()])
        self._assigned = assigned
        self._ahead.clear()
        self._given = {place: at for place, at in self._given.items() if place in assigned}

    def assignment(self) -> list[Place]:
        """The partitions that the instance reads now."""
        if self._assigned:
            return list(self._assigned)
        return [(place.topic, place.partition) for place in self._consumer.assignment()]

    # Where in them

    def seek(self, offsets: Iterable[TopicPartitionOffset]) -> None:
        """Go on reading at ``offsets``.

        Raises:
            ApiError: 40903, a partition is not among those that the instance reads.
        """
        self._seek({(place.topic, place.partition): place.offset for place in offsets})

    def seek_edge(self, partitions: Iterable[TopicPartition], end: bool) -> None:
        """Go on reading at the first record of each partition, or after its last one.

        Raises:
            ApiError: 40903 as above; 40402, there is no such partition.
        """
        places = [(partition.topic, partition.partition) for partition in partitions]
        self._check_assigned(places)
        self._seek({place: self._edges(place)[end] for place in places})

    def _edges(self, place: Place) -> tuple[int, int]:
        edges = self._consumer.get_watermark_offsets(KafkaPartition(*place), timeout=TIMEOUT)
        if edges is None:
            raise kafka_error(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
        first, following = edges
        return first, following

    def _check_assigned(self, places: Iterable[Place]) -> None:
        assigned = set(self.assignment())
        for topic, partition in places:
            if (topic, partition) not in assigned:
                raise ApiError(
                    Code.ILLEGAL_STATE, f"No current assignment for partition {topic}-{partition}"
                )

    def _seek(self, targets: dict[Place, int]) -> None:
        self._check_assigned(targets)
        if self._assigned:
            self._given.update(targets)
            self._restart({place: self._next(place) for place in self._assigned})
            return
        for place, offset in targets.items():
            self._seek_joined(place, offset)
            self._given[place] = offset
        self._ahead = deque(message for message in self._ahead if place_of(message) not in targets)

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

    def committed(self, partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
        """What is committed of each partition; one without a commit is left out."""
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

    def commit(self, offsets: Sequence[TopicPartitionOffset] | None, asynchronous: bool) -> None:
        """Commit ``offsets`` as read (so the next one of each), or all that was given out."""
        if offsets is None:
            mine = set(self.assignment())
            places = [
                KafkaPartition(*place, offset)
                for place, offset in self._given.items()
                if place in mine
            ]
        else:
            places = [
                KafkaPartition(place.topic, place.partition, place.offset + 1, place.metadata)
                if place.metadata is not None
                else KafkaPartition(place.topic, place.partition, place.offset + 1)
                for place in offsets
            ]
        if not places:
            return
        if asynchronous:
            self._consumer.commit(offsets=places, asynchronous=True)
            return
        for place in self._consumer.commit(offsets=places, asynchronous=False):
            if place.error is not None:
                raise KafkaException(place.error)

    # The records

    def read(self, timeout: float | None, max_bytes: int | None) -> bytes:
        """JSON list of the next records, as soon as there are ``fetch.min.bytes`` of them.

        ``timeout`` in seconds and ``max_bytes`` of keys and values lower the bounds of the
        instance; one record is given however large it is.

        Raises:
            ApiError: 50002, the next record is not JSON; it stays the next one until the client
                seeks past it.
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
            if not self._fetch(0 if size >= self.options.min_bytes else min(left, SLICE)) and (
                size >= self.options.min_bytes
            ):
                break
        self._read_at = time.monotonic()
        if self.options.auto_commit:
            self._store()
        return b"[%b]" % b",".join(given)

    def _fetch(self, wait: float) -> bool:
        """Take what the client library has, waiting ``wait`` seconds for the first record."""
        first = self._consumer.poll(wait)
        return first is not None and self._take(first, *self._consumer.consume(FETCH, 0))

    def _take(self, *messages: Message | None) -> bool:
        """Put records with those that wait to be given out; return whether there were any."""
        waiting = {place_of(message) for message in self._ahead}
        taken = False
        for message in messages:
            error = None if message is None else message.error()
            if error is not None and error.code() in _FATAL_READS:
                raise KafkaException(error)
            if message is not None and error is None:
                place = place_of(message)
                if place not in waiting:
                    waiting.add(place)
                    self._given[place] = offset_of(message)
                self._ahead.append(message)
                taken = True
        return taken

    def _give(self, given: list[bytes], size: int, bound: int) -> tuple[int, bool]:
        """Move fetched records to ``given``; return their bytes, and whether the answer is full."""
        mine = set(self.assignment()) if self._ahead else set()
        added = 0
        while self._ahead:
            message = self._ahead[0]
            place = place_of(message)
            if place in mine:  # else the group has given it to another instance meanwhile
                length = size_of(message)
                if given and size + added + length > bound:
                    return added, True
                try:
                    given.append(view(message, self.options.format))
                except ApiError:
                    if given:
                        return added, True
                    raise
                added += length
                self._given[place] = offset_of(message) + 1
            self._ahead.popleft()
        return added, size + added >= bound

    def _store(self) -> None:
        mine = set(self.assignment())
        places = [KafkaPartition(*at, offset) for at, offset in self._given.items() if at in mine]
        try:
            self._consumer.store_offsets(offsets=places)
        except KafkaException as error:
            # The group has just given a partition to another instance, which reads it again.
            if error.args[0].code() != KafkaError._STATE:
                raise

    def close(self) -> None:
        """Leave the group; commits what was given out, where the consumer commits by itself."""
        self._consumer.close()

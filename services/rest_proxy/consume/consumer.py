"""A consumer instance: a Kafka consumer whose methods implement the calls of the API.

A consumer subscribes to topics, subscribes to a pattern, or is assigned partitions by the client:
one of the three at a time. Records that were fetched but did not fit into a response stay in its
buffer for the next one. A position is the offset after the last record in a response. Positions
are what is committed, so a record that was only fetched never counts as read.

The methods block: they run in a thread, one at a time.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as KafkaPartition

from contract.settings import Settings
from services.rest_proxy.consume.record import Partition, offset_of, partition_of, size_of, to_json
from services.rest_proxy.http.bodies import ConsumerOptions, TopicPartition, TopicPartitionOffset
from services.rest_proxy.http.errors import ApiError, Code, kafka_error
from services.rest_proxy.kafka_clients import TIMEOUT, client_configuration

FETCH = 500
"""Records to take from the client library at a time."""

SLICE = 0.2
"""Seconds between two checks of a waiting read whether the instance is being closed."""

MAX_BYTES = 64 * 1024 * 1024
"""Largest number of bytes of keys and values in one response."""

_COMMITTED = -1001
"""The client library's code for "from the committed offset"."""

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
"""Errors that end a read; the client library recovers from the others by itself."""


class ConsumerInstance:
    """A Kafka consumer, the partitions that it reads and its positions in them."""

    def __init__(self, settings: Settings, group: str, name: str, options: ConsumerOptions) -> None:
        self.options = options
        self.closing = False
        self._paused = False
        self._read_at = 0.0
        self.topics: list[str] = []
        """Topics that the consumer has subscribed to."""
        self.pattern: str | None = None
        """Pattern that ``topics`` match, if the client has subscribed to one."""
        self._assigned: dict[Partition, int] = {}
        """Partitions that the client has assigned, each with the offset from which it was read."""
        self._buffer: deque[Message] = deque()
        """Records that were fetched and not yet returned, in order."""
        self._positions: dict[Partition, int] = {}
        """Offset of the next record to return, for partitions that were read or sought."""
        timeout_ms = settings.rest_proxy_consumer_timeout_ms
        self._consumer = Consumer(
            {
                **client_configuration(settings, lambda error: None),
                "group.id": group,
                "client.id": name,
                "auto.offset.reset": options.auto_offset_reset,
                "enable.auto.commit": options.auto_commit,
                "enable.auto.offset.store": False,
                # Kafka must not expel an instance that waits for a client longer than 5 min.
                "max.poll.interval.ms": min(max(300_000, 2 * timeout_ms), 86_400_000),
                "queued.max.messages.kbytes": 8192,
                "fetch.wait.max.ms": 100,
            }
        )

    # Partitions

    def subscribe(self, topics: list[str] | None, pattern: str | None, matching: list[str]) -> None:
        """Join the group for ``topics``, or for those that match ``pattern``, now ``matching``.

        Raises:
            ApiError: 40903, the consumer already gets its partitions in another way.
        """
        other = (
            self.pattern is not None if pattern is None else bool(self.topics and not self.pattern)
        )
        if self._assigned or other or (topics is not None and pattern is not None):
            raise _exclusive()
        self.pattern = pattern
        self._join(matching if topics is None else topics)

    def match(self, matching: list[str]) -> None:
        """Update the subscription when other topics match the pattern."""
        if self.pattern is not None and matching != self.topics:
            self._join(matching)

    def _join(self, topics: list[str]) -> None:
        if topics:
            self._consumer.subscribe(topics, on_revoke=self._revoked, on_lost=self._revoked)
        elif self.topics:
            self._consumer.unsubscribe()
        self.topics = topics

    def _revoked(self, consumer: Consumer, partitions: list[KafkaPartition]) -> None:
        gone = {(partition.topic, partition.partition) for partition in partitions}
        self._positions = {key: at for key, at in self._positions.items() if key not in gone}
        self._drop(gone)

    def unsubscribe(self) -> None:
        """End the subscription or the assignment."""
        self._consumer.unsubscribe()
        self._consumer.unassign()
        self.topics, self.pattern = [], None
        self._assigned.clear()
        self._buffer.clear()
        self._positions.clear()

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Read ``partitions`` without joining the group, each from its committed offset.

        Raises:
            ApiError: 40903, the consumer has subscribed.
        """
        if self.topics or self.pattern is not None:
            raise _exclusive()
        self._restart([(partition.topic, partition.partition) for partition in partitions])

    def _restart(self, partitions: Iterable[Partition]) -> None:
        # A new assignment takes effect at once; a seek fails while a partition is not yet fetched.
        assigned = {
            key: self._positions.get(key, self._assigned.get(key, _COMMITTED)) for key in partitions
        }
        self._consumer.assign([KafkaPartition(*key, at) for key, at in assigned.items()])
        self._assigned = assigned
        self._buffer.clear()
        self._positions = {key: at for key, at in self._positions.items() if key in assigned}

    def partitions(self) -> list[Partition]:
        """Return the partitions that the consumer reads now."""
        if self._assigned:
            return list(self._assigned)
        return [(partition.topic, partition.partition) for partition in self._consumer.assignment()]

    # Positions

    def seek(self, offsets: Iterable[TopicPartitionOffset]) -> None:
        """Continue reading at ``offsets``.

        Raises:
            ApiError: 40903, a partition is not among those that the consumer reads.
        """
        self._seek({(target.topic, target.partition): target.offset for target in offsets})

    def seek_edge(self, partitions: Iterable[TopicPartition], end: bool) -> None:
        """Continue reading at the first record of each partition, or after its last one.

        Raises:
            ApiError: 40903 as above; 50003, the broker does not answer.
            KafkaException: the broker does not have such a partition.
        """
        targets = [(partition.topic, partition.partition) for partition in partitions]
        self._check(targets)
        self._seek({target: self._watermarks(target)[end] for target in targets})

    def _watermarks(self, partition: Partition) -> tuple[int, int]:
        offsets = self._consumer.get_watermark_offsets(KafkaPartition(*partition), timeout=TIMEOUT)
        if offsets is None:
            raise kafka_error(KafkaException(KafkaError(KafkaError._TIMED_OUT)))
        first, following = offsets
        return first, following

    def _check(self, partitions: Iterable[Partition]) -> None:
        assigned = set(self.partitions())
        for topic, partition in partitions:
            if (topic, partition) not in assigned:
                raise ApiError(
                    Code.ILLEGAL_STATE, f"No current assignment for partition {topic}-{partition}"
                )

    def _seek(self, targets: dict[Partition, int]) -> None:
        self._check(targets)
        if self._assigned:
            self._positions |= targets
            self._restart(self._assigned)
            return
        for partition, offset in targets.items():
            self._seek_joined(partition, offset)
            self._positions[partition] = offset
        self._drop(targets)

    def _seek_joined(self, partition: Partition, offset: int) -> None:
        deadline = time.monotonic() + TIMEOUT
        while True:
            try:
                return self._consumer.seek(KafkaPartition(*partition, offset))
            except KafkaException as error:
                starting = error.args[0].code() == KafkaError._STATE
                if not starting or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)  # the partition was assigned a moment ago

    def _drop(self, partitions: Collection[Partition]) -> None:
        """Remove the records of ``partitions`` from the buffer."""
        self._buffer = deque(each for each in self._buffer if partition_of(each) not in partitions)

    # Reading

    def keep_membership(self) -> None:
        """Take part in rebalances of the group while no client reads.

        The client library releases partitions only in a poll, so an instance that nobody reads
        would block its whole group. Fetching pauses until the next read.

        Raises:
            KafkaException: an error that ends a read.
        """
        assigned = self._consumer.assignment()
        if assigned:
            self._consumer.pause(assigned)
            self._paused = True
        self._add_to_buffer([self._consumer.poll(0)])

    @property
    def is_idle(self) -> bool:
        """Whether the consumer has neither a subscription nor an assignment, so no position."""
        return not (self.topics or self.pattern or self._assigned)

    def unread_for(self) -> float:
        """Return the seconds since the last read; 0 without a subscription."""
        return time.monotonic() - self._read_at if self.topics else 0.0

    def read(
        self, timeout: float | None, max_bytes: int | None, abandoned: Callable[[], bool]
    ) -> bytes:
        """Return the JSON list of the next records, as soon as they have ``fetch.min.bytes``.

        ``timeout`` in seconds and ``max_bytes`` of keys and values lower the limits of the
        instance; the first record is returned however large it is. When the client has
        ``abandoned`` the read, its records stay the next ones.

        Raises:
            ApiError: 50002, the next record is not JSON; it stays the next one until the client
                seeks past it.
            KafkaException: an error that ends a read.
        """
        longest = self.options.timeout
        deadline = time.monotonic() + (longest if timeout is None else min(timeout, longest))
        limit = MAX_BYTES if max_bytes is None else min(max_bytes, MAX_BYTES)
        records: list[bytes] = []
        taken: list[Message] = []
        size = 0
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        while True:
            added, full = self._move_from_buffer(records, taken, size, limit)
            size += added
            if abandoned():
                self._put_back(taken)
                return b"[]"
            left = deadline - time.monotonic()
            if full or left <= 0 or self.closing:
                break
            enough = size >= self.options.min_bytes
            if not self._fetch(0 if enough else min(left, SLICE)) and enough:
                break
        self._read_at = time.monotonic()
        if self.options.auto_commit:
            self._store()
        return b"[%b]" % b",".join(records)

    def _fetch(self, wait: float) -> bool:
        """Buffer the records that the client library has; wait ``wait`` seconds for the first."""
        first = self._consumer.poll(wait)
        return first is not None and self._add_to_buffer([first, *self._consumer.consume(FETCH, 0)])

    def _add_to_buffer(self, messages: Iterable[Message | None]) -> bool:
        """Append the records among ``messages`` to the buffer; return whether there was one.

        Raises:
            KafkaException: a message holds an error that ends the read.
        """
        buffered = {partition_of(record) for record in self._buffer}
        added = False
        for message in messages:
            error = None if message is None else message.error()
            if error is not None and error.code() in _FATAL_READS:
                raise KafkaException(error)
            if message is not None and error is None:
                partition = partition_of(message)
                if partition not in buffered:
                    buffered.add(partition)
                    self._positions[partition] = offset_of(message)
                self._buffer.append(message)
                added = True
        return added

    def _put_back(self, taken: list[Message]) -> None:
        """Return records to the beginning of the buffer, from which a read has taken them."""
        for record in reversed(taken):
            self._buffer.appendleft(record)
            self._positions[partition_of(record)] = offset_of(record)

    def _move_from_buffer(
        self, records: list[bytes], taken: list[Message], size: int, limit: int
    ) -> tuple[int, bool]:
        """Move records from the buffer to ``taken``, and to ``records`` as JSON, while they fit.

        ``records`` holds ``size`` bytes of keys and values, of at most ``limit``; the first record
        is moved however large it is. Records of partitions that the group has assigned to another
        instance meanwhile are dropped.

        Returns:
            The number of bytes moved, and whether the response is full.

        Raises:
            ApiError: 50002, the first record is not JSON; it stays in the buffer.
        """
        assigned = set(self.partitions()) if self._buffer else set()
        added = 0
        while self._buffer:
            record = self._buffer[0]
            partition = partition_of(record)
            if partition in assigned:
                length = size_of(record)
                if records and size + added + length > limit:
                    return added, True
                try:
                    records.append(to_json(record, self.options.format))
                except ApiError:
                    if records:
                        return added, True
                    raise
                added += length
                taken.append(record)
                self._positions[partition] = offset_of(record) + 1
            self._buffer.popleft()
        return added, size + added >= limit

    # Committing

    def _current_positions(self) -> list[KafkaPartition]:
        """Return the positions in the partitions that the consumer reads now."""
        assigned = set(self.partitions())
        return [KafkaPartition(*key, at) for key, at in self._positions.items() if key in assigned]

    def commit(self, read: Sequence[TopicPartitionOffset] | None, asynchronous: bool) -> None:
        """Commit the offsets after those in ``read``; None commits all positions.

        Raises:
            KafkaException: the broker refuses the commit, or does not answer.
        """
        offsets = self._current_positions() if read is None else [_position(last) for last in read]
        if not offsets:
            return
        if asynchronous:
            self._consumer.commit(offsets=offsets, asynchronous=True)
            return
        for committed in self._consumer.commit(offsets=offsets, asynchronous=False):
            if committed.error is not None:
                raise KafkaException(committed.error)

    def _store(self) -> None:
        """Store the positions in the client library, which commits them at intervals."""
        try:
            self._consumer.store_offsets(offsets=self._current_positions())
        except KafkaException as error:
            # The group has just assigned a partition to another instance, which reads it again.
            if error.args[0].code() != KafkaError._STATE:
                raise

    def committed(self, partitions: Iterable[TopicPartition]) -> list[dict[str, Any]]:
        """Return the committed offset of each partition; one without a commit is left out.

        Raises:
            KafkaException: the broker does not answer.
        """
        queried = [KafkaPartition(each.topic, each.partition) for each in partitions]
        return [
            {
                "topic": found.topic,
                "partition": found.partition,
                "offset": found.offset,
                "metadata": found.metadata or "",
            }
            for found in self._consumer.committed(queried, timeout=TIMEOUT)
            if found.error is None and found.offset >= 0
        ]

    def close(self) -> None:
        """Leave the group; a consumer with ``auto.commit.enable`` commits its positions first."""
        # With a subscription that has just changed, close() alone may abort the process: an
        # assertion in rdkafka_cgrp.c (2.15).
        self._consumer.unsubscribe()
        self._consumer.close()


def _position(last: TopicPartitionOffset) -> KafkaPartition:
    """Return the position after the record ``last``."""
    metadata = () if last.metadata is None else (last.metadata,)
    return KafkaPartition(last.topic, last.partition, last.offset + 1, *metadata)


def _exclusive() -> ApiError:
    return ApiError(
        Code.ILLEGAL_STATE,
        "Subscription to topics, partitions and pattern are mutually exclusive",
    )

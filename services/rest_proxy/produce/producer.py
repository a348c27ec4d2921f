"""Sends records to Kafka and collects, for each request, the result of each of its records.

The client library has threads of its own; its delivery reports wait until the next poll. The event
loop polls each millisecond while records are in flight: that is faster than a thread that polls,
which would wake the loop for each report.

The number of records that wait for a broker is limited: a request that does not fit is refused
before any of its records is queued.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MethodType
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from contract.settings import Settings
from services.kafka_client.login import LoginError, LoginWatch
from services.rest_proxy.http.bodies import ProducerRecord, encode
from services.rest_proxy.http.errors import ApiError, Code, kafka_code
from services.rest_proxy.kafka_clients import client_configuration

POLL_BUSY = 0.001
"""Seconds between polls while records are in flight."""

POLL_IDLE = 0.5
"""Seconds between polls otherwise: for errors, and for the renewal of tokens."""

LINGER_MS = 5
"""Milliseconds in which the client library gathers records for one request to the broker.

This is the default of Kafka's Java producer since 4.0. An idempotent producer whose records are due
before the broker has acknowledged the previous ones polls without a pause until it has: with 2 ms,
the library's thread took as much time as all of the Python code.
"""

RECORD_BYTES = 1_048_588
"""Bytes of the largest record: Kafka's default (``message.max.bytes`` of a broker)."""

BY_KEY = -1
"""Partition of a record for which the client library chooses one by the key."""

_UNKNOWN_TOPIC = (
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)


class RecordResponse(msgspec.Struct, gc=False):
    """The result of one record in the response."""

    partition: int | None = None
    offset: int | None = None
    error_code: int | None = None
    error: str | None = None


class _ProduceResponse(msgspec.Struct):
    offsets: Sequence[RecordResponse]
    key_schema_id: int | None = None
    value_schema_id: int | None = None


def failed_response(error: KafkaError, refused: LoginError | None = None) -> RecordResponse:
    """Return the result of a failed record; a refused login is the reason of a time-out."""
    code = kafka_code(error)
    reason = error.str()
    if refused is not None and code == Code.KAFKA_RETRIABLE:
        reason = str(refused)
    return RecordResponse(error_code=int(code), error=reason)


def body_of_records(records: Sequence[RecordResponse]) -> bytes:
    """Return the body of the response to a produce request, with the result of each record."""
    return encode(_ProduceResponse(records))


def body_of_positions(
    partitions: Sequence[int | None],
    offsets: Sequence[int | None],
    failed: Mapping[int, RecordResponse],
) -> bytes:
    """Return the body of the response from the records' positions, in the order of the request.

    Nearly always all records are stored in one partition. Then the text between two offsets is
    constant, and inserting it takes an eighth of the time of an object for each record.

    Args:
        partitions: of each record.
        offsets: of each record. None if Kafka stored the record without reporting its offset, as
            for a batch that the client library sent twice.
        failed: results of the records that failed, by their index in the request.
    """
    partition = partitions[0]
    in_one = partitions.count(partition) == len(partitions)
    if failed or partition is None or not in_one or None in offsets:
        stored = map(RecordResponse, partitions, offsets)
        return body_of_records([failed.get(index, record) for index, record in enumerate(stored)])
    before = b'{"partition":%d,"offset":' % partition
    after = b',"error_code":null,"error":null}'
    return b'{"offsets":[%b%b%b],"key_schema_id":null,"value_schema_id":null}' % (
        before,
        encode(offsets)[1:-1].replace(b",", after + b"," + before),
        after,
    )


class Delivery:
    """The delivery of one request's records, with their results in order.

    ``report`` or ``report_by_key`` runs for each record, so they take much of a record's time:
    numbers go into lists, and each of the two cases has a method rather than a condition.
    """

    __slots__ = (
        "_on_done",
        "_unreported",
        "_watch",
        "done",
        "failed",
        "offsets",
        "partitions",
        "topic",
        "unknown_topic",
    )

    def __init__(
        self, topic: str, records: int, on_done: Callable[[Delivery], None], watch: LoginWatch
    ) -> None:
        self.topic = topic
        self._watch = watch
        self._unreported = records
        self.partitions: list[int | None] = []
        self.offsets: list[int | None] = [None] * records
        self.failed: dict[int, RecordResponse] = {}
        self.unknown_topic = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_done = on_done

    def report(self, index: int, error: KafkaError | None, message: Message) -> None:
        """Handle the delivery report of a record whose partition was known."""
        if error is not None:
            self.fail(index, error)
            return
        self.offsets[index] = message.offset()
        self._unreported -= 1
        if not self._unreported:
            self._on_done(self)

    def report_by_key(self, index: int, error: KafkaError | None, message: Message) -> None:
        """Handle the delivery report of a record whose partition was chosen by its key."""
        self.partitions[index] = message.partition()
        self.report(index, error, message)

    def fail(self, index: int, error: KafkaError) -> None:
        """Note that a record failed."""
        self.failed[index] = failed_response(error, self._watch.refused)
        if error.code() in _UNKNOWN_TOPIC:
            self.unknown_topic = True
        self._unreported -= 1
        if not self._unreported:
            self._on_done(self)


class RecordProducer:
    """The one producer of the process. Only the event loop's thread may call its methods."""

    def __init__(self, settings: Settings, forget: Callable[[str], None]) -> None:
        """``forget`` is called with the name of a topic that the broker does not have."""
        self._settings = settings
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._max_in_flight = settings.rest_proxy_queue_messages
        self._in_flight = 0
        self._requests = 0
        self._busy = False
        self._partition_counts: dict[str, int] = {}
        """Number of partitions of each topic in the client library's metadata."""
        self.watch = LoginWatch(settings, self._on_error)
        self._producer = self._connect()
        self._retired: list[Producer] = []
        self._timer = self._loop.call_later(POLL_IDLE, self._poll)

    def _connect(self) -> Producer:
        settings = self._settings
        configuration: dict[str, Any] = {
            **client_configuration(settings, self.watch),
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": LINGER_MS,
            "compression.type": "lz4",
            "message.timeout.ms": settings.rest_proxy_message_timeout_ms,
            "message.max.bytes": RECORD_BYTES,
            # The proxy's own limits are lower, so a request is queued whole or not at all.
            "queue.buffering.max.messages": 2 * settings.rest_proxy_queue_messages,
            "queue.buffering.max.kbytes": 2 * settings.rest_proxy_queue_bytes // 1024 + 1024,
            # A key gets the same partition as with Kafka's Java producer.
            "partitioner": "murmur2_random",
        }
        return Producer(configuration)

    def _on_error(self, error: KafkaError) -> None:
        # A producer that has lost its sequence cannot continue; a new one replaces it.
        if error.code() == KafkaError._FATAL:
            self._retired.append(self._producer)
            self._partition_counts.clear()
            self._producer = self._connect()

    def _poll(self) -> None:
        self._producer.poll(0)
        if self._retired:
            for producer in self._retired:
                producer.poll(0)
            self._retired = [producer for producer in self._retired if len(producer)]
        self._busy = self._in_flight > 0
        self._timer = self._loop.call_later(POLL_BUSY if self._busy else POLL_IDLE, self._poll)

    async def refresh_topic(self, topic: str, partitions: int, timeout: float) -> None:
        """Update the client library's own metadata of a topic that now has ``partitions``.

        The library would do so only after minutes, and refuse new partitions until then.

        Raises:
            KafkaException: no answer in ``timeout`` seconds.
        """
        if self._partition_counts.get(topic) != partitions:
            refresh = partial(self._producer.list_topics, timeout=timeout)
            await self._loop.run_in_executor(None, refresh)
            self._partition_counts[topic] = partitions

    def send(self, topic: str, records: Sequence[ProducerRecord], partitions: int) -> Delivery:
        """Queue ``records``; ``done`` of the delivery is set when each has its result.

        ``partitions`` is the number of the topic's partitions. The records with neither key nor
        partition go to one partition together; those of the next request go to the next one.

        Raises:
            ApiError: 50302, the queue is full and nothing is queued; 413, it is too small.
        """
        count = len(records)
        if count > self._max_in_flight:
            raise ApiError(413)
        if self._in_flight + count > self._max_in_flight:
            raise ApiError(Code.QUEUE_FULL)
        self._in_flight += count
        self._requests += 1
        keyless = self._requests % partitions
        by_key = keyless if partitions == 1 else BY_KEY
        delivery = Delivery(topic, count, self._on_done, self.watch)
        produce, chosen = self._producer.produce, delivery.partitions
        report, report_by_key = delivery.report, delivery.report_by_key
        for index, (key, value, partition) in enumerate(records):
            if partition is None:
                partition = keyless if key is None else by_key
            chosen.append(partition)
            # A method bound to the index takes less time to create and to call than a partial.
            delivered = MethodType(report_by_key if partition == BY_KEY else report, index)
            try:
                # Not produce_batch: it needs a dictionary for each record and reads six keys of it.
                produce(topic, value, key, partition, delivered)
            except KafkaException as error:
                delivery.fail(index, error.args[0])
            except BufferError:
                delivery.fail(index, KafkaError(KafkaError._QUEUE_FULL))
        if not self._busy:
            self._busy = True
            self._timer.cancel()
            self._timer = self._loop.call_later(POLL_BUSY, self._poll)
        return delivery

    def _on_done(self, delivery: Delivery) -> None:
        self._in_flight -= len(delivery.offsets)
        if 0 not in delivery.failed:
            self.watch.clear_refusal()
        if delivery.unknown_topic:
            self._partition_counts.pop(delivery.topic, None)
            self._forget(delivery.topic)
        if not delivery.done.done():
            delivery.done.set_result(None)

    async def close(self, timeout: float) -> None:
        """Wait ``timeout`` seconds for the records in flight; the rest then fails with 50003."""
        deadline = self._loop.time() + timeout
        while self._in_flight and self._loop.time() < deadline:
            await asyncio.sleep(POLL_BUSY)
        self._timer.cancel()
        for producer in (self._producer, *self._retired):
            producer.purge()
            producer.poll(0)

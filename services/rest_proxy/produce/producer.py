"""Hands records to Kafka and tells each request what became of each of its records.

The client library has threads of its own; its delivery reports wait until somebody polls.
The event loop does, each millisecond while records are on their way: that is quicker than
a thread that polls, which would have to wake the loop for each report.

How many records may wait for a broker is bounded: a request that does not fit is refused
before any of it is queued.
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
from services.kafka_client.login import LoginError, Watch
from services.rest_proxy.http.bodies import Stored, encode
from services.rest_proxy.http.errors import ApiError, Code, kafka_code
from services.rest_proxy.kafka_clients import client_configuration

POLL_BUSY = 0.001
"""Seconds between polls while records are on their way."""

POLL_IDLE = 0.5
"""Seconds between polls otherwise: for errors, and for tokens that have to be renewed."""

LINGER_MS = 5
"""Milliseconds in which the client library gathers records for one request to the broker.

As many as Kafka's own (Java) producer waits since 4.0. An idempotent producer whose records are
due before the broker has answered for the ones before them polls without a pause until it has:
with 2 ms that took the library's thread as long as all that is done in Python.
"""

RECORD_BYTES = 1_048_588
"""Bytes of the largest record: Kafka's own default (``message.max.bytes`` of a broker)."""

BY_KEY = -1
"""Partition of a record whose key chooses it."""

_UNKNOWN_TOPIC = (
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
)


class RecordResponse(msgspec.Struct, gc=False):
    """What the answer says of one record."""

    partition: int | None = None
    offset: int | None = None
    error_code: int | None = None
    error: str | None = None


class _Answer(msgspec.Struct):
    offsets: Sequence[RecordResponse]
    key_schema_id: int | None = None
    value_schema_id: int | None = None


def failed_response(error: KafkaError, refused: LoginError | None = None) -> RecordResponse:
    """The slot of a record that Kafka has not taken; a refused login is why none is in time."""
    code = kafka_code(error)
    reason = error.str()
    if refused is not None and code == Code.KAFKA_RETRIABLE:
        reason = str(refused)
    return RecordResponse(error_code=int(code), error=reason)


def answer(slots: Sequence[RecordResponse]) -> bytes:
    """The answer to a produce request, of which each record has its slot."""
    return encode(_Answer(slots))


def answer_from(
    partitions: Sequence[int | None],
    offsets: Sequence[int | None],
    failed: Mapping[int, RecordResponse],
) -> bytes:
    """The answer from where the records are, in the order of the request.

    Nearly always all are stored, and in one partition. Then the text between two offsets is always
    the same, and putting it there costs an eighth of what an object for each slot does.

    Args:
        partitions: of each record.
        offsets: of each record. None where Kafka has taken it and doesn't know its place any more,
            as it says of a batch that the client library has had to send again.
        failed: slots of the records that Kafka has not taken, by their place in the request.
    """
    partition = partitions[0]
    together = partitions.count(partition) == len(partitions)
    if failed or partition is None or not together or None in offsets:
        places = enumerate(zip(partitions, offsets, strict=True))
        return answer([failed.get(number) or RecordResponse(*place) for number, place in places])
    before = b'{"partition":%d,"offset":' % partition
    after = b',"error_code":null,"error":null}'
    return b'{"offsets":[%b%b%b],"key_schema_id":null,"value_schema_id":null}' % (
        before,
        encode(offsets)[1:-1].replace(b",", after + b"," + before),
        after,
    )


class Request:
    """The records of one request, and what has become of each, in order.

    One of its reports is called for each record, so what they do is much of what a record costs:
    numbers go into lists, and there is a report for each case rather than one that asks.
    """

    __slots__ = (
        "_finished",
        "_left",
        "_watch",
        "done",
        "failed",
        "offsets",
        "partitions",
        "topic",
        "unknown_topic",
    )

    def __init__(
        self, topic: str, records: int, finished: Callable[[Request], None], watch: Watch
    ) -> None:
        self.topic = topic
        self._watch = watch
        self._left = records
        self.partitions: list[int | None] = []
        self.offsets: list[int | None] = [None] * records
        self.failed: dict[int, RecordResponse] = {}
        self.unknown_topic = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._finished = finished

    def report(self, slot: int, error: KafkaError | None, message: Message) -> None:
        """Take the delivery report of a record that was given its partition."""
        if error is not None:
            self.fail(slot, error)
            return
        self.offsets[slot] = message.offset()
        self._left -= 1
        if not self._left:
            self._finished(self)

    def report_by_key(self, slot: int, error: KafkaError | None, message: Message) -> None:
        """Take the delivery report of a record whose key has chosen its partition."""
        self.partitions[slot] = message.partition()
        self.report(slot, error, message)

    def fail(self, slot: int, error: KafkaError) -> None:
        """Take it that Kafka has not taken a record."""
        self.failed[slot] = failed_response(error, self._watch.refused)
        if error.code() in _UNKNOWN_TOPIC:
            self.unknown_topic = True
        self._left -= 1
        if not self._left:
            self._finished(self)


class RecordProducer:
    """The one producer of the process. All its methods are for the event loop's thread."""

    def __init__(self, settings: Settings, forget: Callable[[str], None]) -> None:
        """``forget`` is told of a topic that the broker turns out not to know."""
        self._settings = settings
        self._forget = forget
        self._loop = asyncio.get_running_loop()
        self._limit = settings.rest_proxy_queue_messages
        self._in_flight = 0
        self._turn = 0
        self._busy = False
        self._known: dict[str, int] = {}
        """Partitions of each topic, as the client library knows them."""
        self.watch = Watch(settings, self._on_error)
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
            # Our own bounds are below these, so a request is queued whole or not at all.
            "queue.buffering.max.messages": 2 * settings.rest_proxy_queue_messages,
            "queue.buffering.max.kbytes": 2 * settings.rest_proxy_queue_bytes // 1024 + 1024,
            # A key gets the partition that Kafka's own (Java) producer gives it.
            "partitioner": "murmur2_random",
        }
        return Producer(configuration)

    def _on_error(self, error: KafkaError) -> None:
        # A producer that has lost track of its sequence can't go on; a new one can.
        if error.code() == KafkaError._FATAL:
            self._retired.append(self._producer)
            self._known.clear()
            self._producer = self._connect()

    def _poll(self) -> None:
        self._producer.poll(0)
        if self._retired:
            for producer in self._retired:
                producer.poll(0)
            self._retired = [producer for producer in self._retired if len(producer)]
        self._busy = self._in_flight > 0
        self._timer = self._loop.call_later(POLL_BUSY if self._busy else POLL_IDLE, self._poll)

    async def learn(self, topic: str, partitions: int, timeout: float) -> None:
        """Have the client library ask for its own view of a topic that now has ``partitions``.

        It would find out by itself only within minutes, and until then refuse a new partition.

        Raises:
            KafkaException: no answer in ``timeout`` seconds.
        """
        if self._known.get(topic) != partitions:
            ask = partial(self._producer.list_topics, timeout=timeout)
            await self._loop.run_in_executor(None, ask)
            self._known[topic] = partitions

    def send(self, topic: str, records: Sequence[Stored], partitions: int) -> Request:
        """Queue ``records``; ``done`` of the request is set when each has its slot.

        ``partitions`` is how many the topic has. The records that have neither key nor partition
        go to one partition together, which is another one for the next request.

        Raises:
            ApiError: 503, the queue is full and nothing is queued; 413, it never takes so many.
        """
        count = len(records)
        if count > self._limit:
            raise ApiError(413)
        if self._in_flight + count > self._limit:
            raise ApiError(Code.QUEUE_FULL)
        self._in_flight += count
        self._turn += 1
        free = self._turn % partitions
        by_key = free if partitions == 1 else BY_KEY
        request = Request(topic, count, self._finished, self.watch)
        produce, chosen = self._producer.produce, request.partitions
        report, report_by_key = request.report, request.report_by_key
        for slot, (key, value, partition) in enumerate(records):
            if partition is None:
                partition = free if key is None else by_key
            chosen.append(partition)
            # A method of the slot's number: it costs less to make and to call than a partial does.
            delivered = MethodType(report_by_key if partition == BY_KEY else report, slot)
            try:
                # One by one: produce_batch takes a dictionary for each and looks six keys up in it.
                produce(topic, value, key, partition, delivered)
            except KafkaException as error:
                request.fail(slot, error.args[0])
            except BufferError:
                request.fail(slot, KafkaError(KafkaError._QUEUE_FULL))
        if not self._busy:
            self._busy = True
            self._timer.cancel()
            self._timer = self._loop.call_later(POLL_BUSY, self._poll)
        return request

    def _finished(self, request: Request) -> None:
        self._in_flight -= len(request.offsets)
        if 0 not in request.failed:
            self.watch.well()
        if request.unknown_topic:
            self._known.pop(request.topic, None)
            self._forget(request.topic)
        if not request.done.done():
            request.done.set_result(None)

    async def close(self, timeout: float) -> None:
        """Wait ``timeout`` seconds for what is on its way; what is left then fails with 50003."""
        deadline = self._loop.time() + timeout
        while self._in_flight and self._loop.time() < deadline:
            await asyncio.sleep(POLL_BUSY)
        self._timer.cancel()
        for producer in (self._producer, *self._retired):
            producer.purge()
            producer.poll(0)

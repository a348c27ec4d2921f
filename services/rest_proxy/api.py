"""What each call of the REST API v2 does.

A call's answer is JSON, or nothing (204).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaException

from contract.settings import Settings
from services.rest_proxy import bodies
from services.rest_proxy.bodies import base64_bytes, encode, read
from services.rest_proxy.call import Call
from services.rest_proxy.consumers import Consumers
from services.rest_proxy.errors import ApiError, Code
from services.rest_proxy.media import FORMATS, RECORDS, negotiate
from services.rest_proxy.metadata import Metadata, partition_view
from services.rest_proxy.producer import Record, RecordProducer, answer, failed_slot

STOP = 10.0
"""Seconds that a stop gives to records on their way, and to consumers that leave their group."""


class Api:
    """The handlers, and the Kafka clients that they share."""

    def __init__(self, settings: Settings) -> None:
        self._metadata = Metadata(settings)
        self._producer = RecordProducer(settings, self._metadata.forget)
        self._consumers = Consumers(settings, self._metadata)
        self._send_timeout = settings.rest_proxy_message_timeout_ms / 1000
        self._check: asyncio.Task[tuple[bool, str]] | None = None

    async def close(self) -> None:
        """Let what is on its way arrive, leave every group, then let go of Kafka."""
        await asyncio.gather(self._producer.close(STOP), self._consumers.close(STOP))
        self._metadata.close()

    async def health(self, timeout: float = 2.0) -> tuple[bool, str]:
        """Whether Kafka answers now, and the reason; callers at the same time share one request."""
        if self._check is None:
            self._check = asyncio.create_task(self._metadata.check(timeout))
        check = self._check
        try:
            return await asyncio.shield(check)
        finally:
            if self._check is check:
                self._check = None

    # Metadata

    async def root(self, call: Call) -> bytes:
        return b"{}"

    async def topics(self, call: Call) -> bytes:
        return encode(sorted(await self._metadata.topics()))

    async def topic(self, call: Call) -> bytes:
        name = call.path["topic"]
        topic = await self._metadata.topic(name)
        configuration = await self._metadata.configuration(name)
        partitions = [partition_view(topic, number) for number in sorted(topic.partitions)]
        return encode({"name": name, "configs": configuration, "partitions": partitions})

    async def partitions(self, call: Call) -> bytes:
        topic = await self._metadata.topic(call.path["topic"])
        return encode([partition_view(topic, number) for number in sorted(topic.partitions)])

    async def partition(self, call: Call) -> bytes:
        number = call.partition()
        return encode(partition_view(await self._metadata.topic(call.path["topic"]), number))

    async def offsets(self, call: Call) -> bytes:
        name, number = call.path["topic"], call.partition()
        partition_view(await self._metadata.topic(name), number)
        first, following = await self._metadata.offsets(name, number)
        return encode({"beginning_offset": first, "end_offset": following})

    async def brokers(self, call: Call) -> bytes:
        return encode({"brokers": await self._metadata.brokers()})

    # Producing

    async def produce(self, call: Call) -> bytes:
        records = _records(call)
        call.body = b""
        topic = call.path["topic"]
        wanted = -1
        if "partition" in call.path:
            wanted = call.partition()
            records = [(key, value, wanted) for key, value, _ in records]
        else:
            wanted = max((at for _, _, at in records if at is not None), default=-1)
        partitions = self._metadata.known_partitions(topic)
        try:
            if wanted >= partitions or not partitions:
                topics = await self._metadata.refresh(self._send_timeout)
                if topic not in topics:
                    raise ApiError(Code.TOPIC_NOT_FOUND)
                partitions = len(topics[topic].partitions)
            await self._producer.learn(topic, partitions, self._send_timeout)
        except KafkaException as error:
            return answer([failed_slot(error.args[0])] * len(records))
        if "partition" in call.path and wanted >= partitions:
            raise ApiError(Code.PARTITION_NOT_FOUND)
        request = self._producer.send(topic, records, partitions)
        await request.done
        return answer(request.slots)

    # Consuming

    async def create_consumer(self, call: Call) -> bytes:
        group = call.path["group"]
        name = await self._consumers.create(group, read(call.body or b"{}", bodies.NewConsumer))
        base = f"{call.base}/consumers/{group}/instances/{name}"
        return encode({"instance_id": name, "base_uri": base})

    async def delete_consumer(self, call: Call) -> None:
        await self._consumers.delete(call.path["group"], call.path["instance"])

    async def subscribe(self, call: Call) -> None:
        body = read(call.body, bodies.Subscription)
        if body.topics is None and body.topic_pattern is None:
            raise ApiError(422, message="topics or topic_pattern must be given")
        pattern = body.topic_pattern
        self._consumers.options(call.path["group"], call.path["instance"])
        matching = [] if pattern is None else await self._consumers.matching(pattern)
        await self._on(call, lambda it: it.subscribe(body.topics, pattern, matching))

    async def subscription(self, call: Call) -> bytes:
        return encode({"topics": await self._on(call, lambda it: sorted(it.topics))})

    async def unsubscribe(self, call: Call) -> None:
        await self._on(call, lambda it: it.unsubscribe())

    async def assign(self, call: Call) -> None:
        body = read(call.body, bodies.Partitions)
        await self._on(call, lambda it: it.assign(body.partitions))

    async def assignment(self, call: Call) -> bytes:
        places = await self._on(call, lambda it: sorted(it.assignment()))
        return encode({"partitions": [{"topic": name, "partition": at} for name, at in places]})

    async def seek(self, call: Call) -> None:
        body = read(call.body, bodies.Offsets)
        await self._on(call, lambda it: it.seek(body.offsets))

    async def seek_edge(self, call: Call, end: bool) -> None:
        body = read(call.body, bodies.Partitions)
        await self._on(call, lambda it: it.seek_edge(body.partitions, end))

    async def records(self, call: Call) -> bytes:
        embedded = FORMATS.get(negotiate(call.accept, RECORDS), "binary")
        options = self._consumers.options(call.path["group"], call.path["instance"])
        if options.format != embedded:
            raise ApiError(Code.CONSUMER_FORMAT)
        timeout, max_bytes = call.number("timeout"), call.number("max_bytes")
        seconds = None if timeout is None else timeout / 1000
        group, name = call.path["group"], call.path["instance"]
        return await self._consumers.call(group, name, lambda it: it.read(seconds, max_bytes))

    async def committed(self, call: Call) -> bytes:
        if not call.body:
            raise ApiError(Code.PARTITION_NOT_FOUND)
        body = read(call.body, bodies.Partitions)
        return encode({"offsets": await self._on(call, lambda it: it.committed(body.partitions))})

    async def commit(self, call: Call) -> bytes:
        offsets = read(call.body, bodies.Offsets).offsets if call.body else None
        asynchronous = call.query.get("async", "false") == "true"
        await self._on(call, lambda it: it.commit(offsets, asynchronous))
        return b"[]"

    async def _on(self, call: Call, act: Callable[[Any], Any]) -> Any:
        return await self._consumers.call(call.path["group"], call.path["instance"], act)


def _records(call: Call) -> list[Record]:
    """Keys, values and partitions in the body of a produce request, as they are stored.

    Raises:
        ApiError: 400 or 422, the body is not one.
    """
    if FORMATS[call.content_type] == "json":
        return [
            (
                None if record.key is None else encode(record.key),
                None if record.value is None else encode(record.value),
                record.partition,
            )
            for record in read(call.body, bodies.ProduceJson).records
        ]
    return [
        (base64_bytes(record.key), base64_bytes(record.value), record.partition)
        for record in read(call.body, bodies.ProduceBinary).records
    ]

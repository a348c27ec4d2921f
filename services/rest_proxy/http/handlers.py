"""The handlers of the API's calls.

A handler takes the ``Clients`` and the ``Call`` and returns JSON, or None (204). A call on an
unknown consumer instance fails with 40403; one that contradicts how the instance gets its
partitions, with 40903; a body with missing or unknown fields, with 422.
"""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from confluent_kafka import KafkaException

from services.rest_proxy.clients import Clients
from services.rest_proxy.consume.consumer import ConsumerInstance
from services.rest_proxy.http import bodies
from services.rest_proxy.http.bodies import ProducerRecord, base64_bytes, encode, json_records, read
from services.rest_proxy.http.errors import ApiError, Code
from services.rest_proxy.http.media import FORMATS, RECORD_TYPES, negotiate
from services.rest_proxy.metadata.metadata import partition_view
from services.rest_proxy.names import group_name
from services.rest_proxy.produce.producer import body_of_positions, body_of_records, failed_response

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """A request, as its handler receives it."""

    path: dict[str, str]
    query: dict[str, str]
    content_type: str
    accept: str
    base: str
    """Scheme and host, as the client wrote them."""
    disconnected: Callable[[], Coroutine[Any, Any, None]]
    """Waits until the client has closed the connection."""
    body: bytes = b""

    def partition(self) -> int:
        """Return the partition in the path.

        Raises:
            ApiError: 404, it is not a number.
        """
        text = self.path["partition"]
        if not text.isdecimal() or len(text) > 10:
            raise ApiError(404)
        return int(text)

    def number(self, name: str) -> int | None:
        """Return a number in the query, at most 2**31 - 1; None if it is missing or below 1.

        Raises:
            ApiError: 400, it is not a whole number.
        """
        text = self.query.get(name, "-1")
        if not re.fullmatch(r"-?[0-9]{1,4000}", text):  # int() takes 4,300 digits at most
            raise ApiError(400, message=f"{name}={text[:40]!r} is not a whole number")
        value = int(text)
        return min(value, 2**31 - 1) if value > 0 else None


# Topics, partitions and brokers


async def root(clients: Clients, call: Call) -> bytes:
    """``GET /``: an empty object, which shows that the proxy answers."""
    return b"{}"


async def topics(clients: Clients, call: Call) -> bytes:
    """``GET /topics``: the names of the topics."""
    return encode(sorted(await clients.metadata.topics()))


async def topic(clients: Clients, call: Call) -> bytes:
    """``GET /topics/{topic}``: its configuration and partitions; 40401 for an unknown one."""
    name = call.path["topic"]
    found = await clients.metadata.topic(name)
    configuration = await clients.metadata.configuration(name)
    views = [partition_view(found, number) for number in sorted(found.partitions)]
    return encode({"name": name, "configs": configuration, "partitions": views})


async def partitions(clients: Clients, call: Call) -> bytes:
    """``GET /topics/{topic}/partitions``: leader and replicas of each; 40401."""
    found = await clients.metadata.topic(call.path["topic"])
    return encode([partition_view(found, number) for number in sorted(found.partitions)])


async def partition(clients: Clients, call: Call) -> bytes:
    """``GET /topics/{topic}/partitions/{partition}``: its leader and replicas; 40401, 40402."""
    number = call.partition()
    return encode(partition_view(await clients.metadata.topic(call.path["topic"]), number))


async def offsets(clients: Clients, call: Call) -> bytes:
    """``GET .../partitions/{partition}/offsets``: its first and its next offset; 40401, 40402."""
    name, number = call.path["topic"], call.partition()
    partition_view(await clients.metadata.topic(name), number)
    first, following = await clients.metadata.offsets(name, number)
    return encode({"beginning_offset": first, "end_offset": following})


async def brokers(clients: Clients, call: Call) -> bytes:
    """``GET /brokers``: the ids of the brokers."""
    return encode({"brokers": await clients.metadata.brokers()})


# Records to produce


async def produce(clients: Clients, call: Call) -> bytes:
    """``POST /topics/{topic}`` and ``POST .../partitions/{partition}``: a result for each record.

    The request fails with 400 or 422 for an invalid body, 40401, 40402, or 40101 when the topic is
    not known yet and Kafka refuses the login. Errors of single records are in their results.
    """
    records = _records(call)
    call.body = b""
    topic = call.path["topic"]
    if "partition" in call.path:
        highest = call.partition()
        records = [(key, value, highest) for key, value, _ in records]
    else:
        highest = max((number for _, _, number in records if number is not None), default=-1)
    partitions = clients.metadata.known_partitions(topic)
    try:
        if highest >= partitions or not partitions:
            topics = await clients.metadata.refresh(clients.send_timeout)
            if topic not in topics:
                raise ApiError(Code.TOPIC_NOT_FOUND)
            partitions = len(topics[topic].partitions)
        await clients.producer.refresh_topic(topic, partitions, clients.send_timeout)
    except KafkaException as error:
        refused = clients.metadata.watch.refused or clients.producer.watch.refused
        if refused is not None:
            raise ApiError(Code.KAFKA_AUTHENTICATION, message=str(refused)) from error
        return body_of_records([failed_response(error.args[0])] * len(records))
    if "partition" in call.path and highest >= partitions:
        raise ApiError(Code.PARTITION_NOT_FOUND)
    delivery = clients.producer.send(topic, records, partitions)
    await delivery.done
    return body_of_positions(delivery.partitions, delivery.offsets, delivery.failed)


def _records(call: Call) -> list[ProducerRecord]:
    """Return the records in the body of a produce request.

    Raises:
        ApiError: 400 or 422, the body is invalid.
    """
    if FORMATS[call.content_type] == "json":
        return json_records(read(call.body, bodies.ProduceJson).records)
    return [
        (base64_bytes(record.key), base64_bytes(record.value), record.partition)
        for record in read(call.body, bodies.ProduceBinary).records
    ]


# Consumer instances


async def create_consumer(clients: Clients, call: Call) -> bytes:
    """``POST /consumers/{group}``: name and address of a new instance; 40902, 42204."""
    group = group_name(call.path["group"])
    name = await clients.consumers.create(group, read(call.body or b"{}", bodies.NewConsumer))
    base = f"{call.base}/consumers/{quote(group, safe='')}/instances/{quote(name, safe='')}"
    return encode({"instance_id": name, "base_uri": base})


async def delete_consumer(clients: Clients, call: Call) -> None:
    """``DELETE /consumers/{group}/instances/{instance}``."""
    await clients.consumers.delete(call.path["group"], call.path["instance"])


async def subscribe(clients: Clients, call: Call) -> None:
    """``POST .../subscription``: subscribe to topics, or to those that match a pattern."""
    body = read(call.body, bodies.Subscription)
    if body.topics is None and body.topic_pattern is None:
        raise ApiError(422, message="topics or topic_pattern must be given")
    pattern = body.topic_pattern
    topics = None if body.topics is None else list(dict.fromkeys(body.topics))
    clients.consumers.options(call.path["group"], call.path["instance"])
    matching = [] if pattern is None else await clients.consumers.matching(pattern)
    await _run(clients, call, lambda instance: instance.subscribe(topics, pattern, matching))


async def subscription(clients: Clients, call: Call) -> bytes:
    """``GET .../subscription``: the subscribed topics."""
    return encode({"topics": await _run(clients, call, lambda instance: sorted(instance.topics))})


async def unsubscribe(clients: Clients, call: Call) -> None:
    """``DELETE .../subscription``."""
    await _run(clients, call, lambda instance: instance.unsubscribe())


async def assign(clients: Clients, call: Call) -> None:
    """``POST .../assignments``: partitions to read without a group."""
    body = read(call.body, bodies.Partitions)
    await _run(clients, call, lambda instance: instance.assign(body.partitions))


async def assignment(clients: Clients, call: Call) -> bytes:
    """``GET .../assignments``: the partitions that are read."""
    found = await _run(clients, call, lambda instance: sorted(instance.partitions()))
    return encode({"partitions": [{"topic": name, "partition": number} for name, number in found]})


async def seek(clients: Clients, call: Call) -> None:
    """``POST .../positions``: continue reading at the given offsets."""
    body = read(call.body, bodies.Offsets)
    await _run(clients, call, lambda instance: instance.seek(body.offsets))


async def seek_edge(clients: Clients, call: Call, end: bool) -> None:
    """``POST .../positions/beginning`` and ``.../positions/end``; 40402."""
    body = read(call.body, bodies.Partitions)
    await _run(clients, call, lambda instance: instance.seek_edge(body.partitions, end))


async def records(clients: Clients, call: Call) -> bytes:
    """``GET .../records``: the next records; 40601 for another format than the instance's."""
    embedded = FORMATS.get(negotiate(call.accept, RECORD_TYPES), "binary")
    options = clients.consumers.options(call.path["group"], call.path["instance"])
    if options.format != embedded:
        raise ApiError(Code.CONSUMER_FORMAT)
    timeout, max_bytes = call.number("timeout"), call.number("max_bytes")
    seconds = None if timeout is None else timeout / 1000
    # A read that nobody awaits would occupy the instance until its time-out, and lose its records.
    gone = asyncio.create_task(call.disconnected())
    try:
        return await _run(
            clients, call, lambda instance: instance.read(seconds, max_bytes, gone.done)
        )
    finally:
        gone.cancel()


async def committed(clients: Clients, call: Call) -> bytes:
    """``GET .../offsets``: the committed offsets of partitions; 40402 without a body."""
    if not call.body:
        raise ApiError(Code.PARTITION_NOT_FOUND)
    body = read(call.body, bodies.Partitions)
    found = await _run(clients, call, lambda instance: instance.committed(body.partitions))
    return encode({"offsets": found})


async def commit(clients: Clients, call: Call) -> bytes:
    """``POST .../offsets``: commit the given offsets; without a body, all positions."""
    asynchronous = call.query.get("async", "false") == "true"
    offsets = read(call.body, bodies.Offsets).offsets if call.body else None
    await _run(clients, call, lambda instance: instance.commit(offsets, asynchronous))
    return b"[]"


async def _run(clients: Clients, call: Call, action: Callable[[ConsumerInstance], T]) -> T:
    return await clients.consumers.call(call.path["group"], call.path["instance"], action)

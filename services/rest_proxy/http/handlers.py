"""The calls of the API: what each does, and what it answers.

A call is a function of the ``Clients`` and the ``Call``; its answer is JSON, or nothing (204). A
call on a consumer instance that isn't there answers 40403; one that doesn't fit how the instance
gets its partitions 40903; a body with other fields than it has to have 422.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from confluent_kafka import KafkaException

from services.rest_proxy.clients import Clients
from services.rest_proxy.consume.consumer import ConsumerInstance
from services.rest_proxy.http import bodies
from services.rest_proxy.http.bodies import Stored, base64_bytes, encode, read, stored_json
from services.rest_proxy.http.errors import ApiError, Code
from services.rest_proxy.http.media import FORMATS, RECORDS, negotiate
from services.rest_proxy.metadata.metadata import partition_view
from services.rest_proxy.names import group_name
from services.rest_proxy.produce.producer import answer, answer_from, failed_response

T = TypeVar("T")


@dataclass(slots=True)
class Call:
    """What a handler is told of its request."""

    path: dict[str, str]
    query: dict[str, str]
    content_type: str
    accept: str
    base: str
    """Scheme and host, as the client has written them."""
    body: bytes = b""

    def partition(self) -> int:
        """The partition in the path.

        Raises:
            ApiError: 404, it is no number.
        """
        text = self.path["partition"]
        if not text.isdecimal() or len(text) > 10:
            raise ApiError(404)
        return int(text)

    def number(self, name: str) -> int | None:
        """A number in the query, 2**31 - 1 where it is larger; None where there is none above 0.

        Raises:
            ApiError: 400, it is no number.
        """
        text = self.query.get(name, "-1")
        try:
            value = int(text)
        except ValueError:
            raise ApiError(400, message=f"{name}={text!r} is not a whole number") from None
        return min(value, 2**31 - 1) if value > 0 else None


# Topics, partitions and brokers


async def root(clients: Clients, call: Call) -> bytes:
    """``GET /``: nothing to say, but the proxy is there."""
    return b"{}"


async def topics(clients: Clients, call: Call) -> bytes:
    """``GET /topics``: their names."""
    return encode(sorted(await clients.metadata.topics()))


async def topic(clients: Clients, call: Call) -> bytes:
    """``GET /topics/{topic}``: its configuration and partitions; 40401 for an unknown one."""
    name = call.path["topic"]
    found = await clients.metadata.topic(name)
    configuration = await clients.metadata.configuration(name)
    shown = [partition_view(found, number) for number in sorted(found.partitions)]
    return encode({"name": name, "configs": configuration, "partitions": shown})


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
    """``GET /brokers``: their ids."""
    return encode({"brokers": await clients.metadata.brokers()})


# Records to produce


async def produce(clients: Clients, call: Call) -> bytes:
    """``POST /topics/{topic}`` and ``POST .../partitions/{partition}``: a slot for each record.

    400 and 422 for a body that isn't one, 40401, 40402, 40101 where the topic isn't known yet and
    Kafka refuses the login; what happens to a record in Kafka is in its slot.
    """
    records = _records(call)
    call.body = b""
    topic = call.path["topic"]
    wanted = -1
    if "partition" in call.path:
        wanted = call.partition()
        records = [(key, value, wanted) for key, value, _ in records]
    else:
        wanted = max((at for _, _, at in records if at is not None), default=-1)
    partitions = clients.metadata.known_partitions(topic)
    try:
        if wanted >= partitions or not partitions:
            topics = await clients.metadata.refresh(clients.send_timeout)
            if topic not in topics:
                raise ApiError(Code.TOPIC_NOT_FOUND)
            partitions = len(topics[topic].partitions)
        await clients.producer.learn(topic, partitions, clients.send_timeout)
    except KafkaException as error:
        refused = clients.metadata.watch.refused or clients.producer.watch.refused
        if refused is not None:
            raise ApiError(Code.KAFKA_AUTHENTICATION, message=str(refused)) from error
        return answer([failed_response(error.args[0])] * len(records))
    if "partition" in call.path and wanted >= partitions:
        raise ApiError(Code.PARTITION_NOT_FOUND)
    request = clients.producer.send(topic, records, partitions)
    await request.done
    return answer_from(request.partitions, request.offsets, request.failed)


def _records(call: Call) -> list[Stored]:
    """Keys, values and partitions in the body of a produce request, as they are stored.

    Raises:
        ApiError: 400 or 422, the body is not one.
    """
    if FORMATS[call.content_type] == "json":
        return stored_json(read(call.body, bodies.ProduceJson).records)
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
    """``POST .../subscription``: to topics, or to those that fit a pattern."""
    body = read(call.body, bodies.Subscription)
    if body.topics is None and body.topic_pattern is None:
        raise ApiError(422, message="topics or topic_pattern must be given")
    pattern = body.topic_pattern
    clients.consumers.options(call.path["group"], call.path["instance"])
    matching = [] if pattern is None else await clients.consumers.matching(pattern)
    await _on(clients, call, lambda it: it.subscribe(body.topics, pattern, matching))


async def subscription(clients: Clients, call: Call) -> bytes:
    """``GET .../subscription``: the topics."""
    return encode({"topics": await _on(clients, call, lambda it: sorted(it.topics))})


async def unsubscribe(clients: Clients, call: Call) -> None:
    """``DELETE .../subscription``."""
    await _on(clients, call, lambda it: it.unsubscribe())


async def assign(clients: Clients, call: Call) -> None:
    """``POST .../assignments``: partitions to read without a group."""
    body = read(call.body, bodies.Partitions)
    await _on(clients, call, lambda it: it.assign(body.partitions))


async def assignment(clients: Clients, call: Call) -> bytes:
    """``GET .../assignments``: the partitions that are read."""
    places = await _on(clients, call, lambda it: sorted(it.places()))
    return encode({"partitions": [{"topic": name, "partition": at} for name, at in places]})


async def seek(clients: Clients, call: Call) -> None:
    """``POST .../positions``: go on at offsets."""
    body = read(call.body, bodies.Offsets)
    await _on(clients, call, lambda it: it.seek(body.offsets))


async def seek_edge(clients: Clients, call: Call, end: bool) -> None:
    """``POST .../positions/beginning`` and ``.../positions/end``; 40402."""
    body = read(call.body, bodies.Partitions)
    await _on(clients, call, lambda it: it.seek_edge(body.partitions, end))


async def records(clients: Clients, call: Call) -> bytes:
    """``GET .../records``: the next ones; 40601 for another format than the instance's."""
    embedded = FORMATS.get(negotiate(call.accept, RECORDS), "binary")
    options = clients.consumers.options(call.path["group"], call.path["instance"])
    if options.format != embedded:
        raise ApiError(Code.CONSUMER_FORMAT)
    timeout, max_bytes = call.number("timeout"), call.number("max_bytes")
    seconds = None if timeout is None else timeout / 1000
    return await _on(clients, call, lambda it: it.read(seconds, max_bytes))


async def committed(clients: Clients, call: Call) -> bytes:
    """``GET .../offsets``: what is committed of partitions; 40402 without a body."""
    if not call.body:
        raise ApiError(Code.PARTITION_NOT_FOUND)
    body = read(call.body, bodies.Partitions)
    found = await _on(clients, call, lambda it: it.committed(body.partitions))
    return encode({"offsets": found})


async def commit(clients: Clients, call: Call) -> bytes:
    """``POST .../offsets``: commit offsets, or all that was given out where there is no body."""
    asynchronous = call.query.get("async", "false") == "true"
    offsets = read(call.body, bodies.Offsets).offsets if call.body else None
    await _on(clients, call, lambda it: it.commit(offsets, asynchronous))
    return b"[]"


async def _on(clients: Clients, call: Call, act: Callable[[ConsumerInstance], T]) -> T:
    return await clients.consumers.call(call.path["group"], call.path["instance"], act)

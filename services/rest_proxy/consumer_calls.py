"""The calls on consumer instances.

A call on an instance that isn't there answers 40403; one that doesn't fit how the instance gets
its partitions 40903; a body with other fields than it has to have 422.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote

from services.rest_proxy import bodies
from services.rest_proxy.bodies import encode, read
from services.rest_proxy.call import Call
from services.rest_proxy.clients import Clients
from services.rest_proxy.errors import ApiError, Code
from services.rest_proxy.instance import Instance
from services.rest_proxy.media import FORMATS, RECORDS, negotiate
from services.rest_proxy.names import group_name

T = TypeVar("T")


async def create(clients: Clients, call: Call) -> bytes:
    """``POST /consumers/{group}``: name and address of a new instance; 40902, 42204."""
    group = group_name(call.path["group"])
    name = await clients.consumers.create(group, read(call.body or b"{}", bodies.NewConsumer))
    base = f"{call.base}/consumers/{quote(group, safe='')}/instances/{quote(name, safe='')}"
    return encode({"instance_id": name, "base_uri": base})


async def delete(clients: Clients, call: Call) -> None:
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
    await _on(clients, call, lambda it: it.assignment.subscribe(body.topics, pattern, matching))


async def subscription(clients: Clients, call: Call) -> bytes:
    """``GET .../subscription``: the topics."""
    return encode({"topics": await _on(clients, call, lambda it: sorted(it.assignment.topics))})


async def unsubscribe(clients: Clients, call: Call) -> None:
    """``DELETE .../subscription``."""
    await _on(clients, call, lambda it: it.assignment.unsubscribe())


async def assign(clients: Clients, call: Call) -> None:
    """``POST .../assignments``: partitions to read without a group."""
    body = read(call.body, bodies.Partitions)
    await _on(clients, call, lambda it: it.assignment.assign(body.partitions))


async def assignment(clients: Clients, call: Call) -> bytes:
    """``GET .../assignments``: the partitions that are read."""
    places = await _on(clients, call, lambda it: sorted(it.assignment.places()))
    return encode({"partitions": [{"topic": name, "partition": at} for name, at in places]})


async def seek(clients: Clients, call: Call) -> None:
    """``POST .../positions``: go on at offsets."""
    body = read(call.body, bodies.Offsets)
    await _on(clients, call, lambda it: it.assignment.seek(body.offsets))


async def seek_edge(clients: Clients, call: Call, end: bool) -> None:
    """``POST .../positions/beginning`` and ``.../positions/end``; 40402."""
    body = read(call.body, bodies.Partitions)
    await _on(clients, call, lambda it: it.assignment.seek_edge(body.partitions, end))


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
    found = await _on(clients, call, lambda it: it.positions.committed(body.partitions))
    return encode({"offsets": found})


async def commit(clients: Clients, call: Call) -> bytes:
    """``POST .../offsets``: commit offsets, or all that was given out where there is no body."""
    asynchronous = call.query.get("async", "false") == "true"
    if call.body:
        offsets = read(call.body, bodies.Offsets).offsets
        await _on(clients, call, lambda it: it.positions.commit_read(offsets, asynchronous))
    else:
        await _on(
            clients,
            call,
            lambda it: it.positions.commit(set(it.assignment.places()), asynchronous),
        )
    return b"[]"


async def _on(clients: Clients, call: Call, act: Callable[[Instance], T]) -> T:
    return await clients.consumers.call(call.path["group"], call.path["instance"], act)

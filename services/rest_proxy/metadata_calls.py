"""The calls that show topics, partitions and brokers.

Every call of the API is a function of the ``Clients`` and the ``Call``; its answer is JSON, or
nothing (204).
"""

from __future__ import annotations

from services.rest_proxy.bodies import encode
from services.rest_proxy.call import Call
from services.rest_proxy.clients import Clients
from services.rest_proxy.metadata import partition_view


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

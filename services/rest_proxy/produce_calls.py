"""The call that produces records, to a topic or to one of its partitions."""

from __future__ import annotations

from confluent_kafka import KafkaException

from services.rest_proxy import bodies
from services.rest_proxy.bodies import Stored, base64_bytes, read, stored_json
from services.rest_proxy.call import Call
from services.rest_proxy.clients import Clients
from services.rest_proxy.errors import ApiError, Code
from services.rest_proxy.media import FORMATS
from services.rest_proxy.slots import answer, answer_from, failed_slot


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
        refused = clients.metadata.refused or clients.producer.refused
        if refused is not None:
            raise ApiError(Code.KAFKA_AUTHENTICATION, message=str(refused)) from error
        return answer([failed_slot(error.args[0])] * len(records))
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

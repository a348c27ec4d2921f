"""What the answer to a produce request says of each of its records: where it is, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka import KafkaError

from services.kafka_login import LoginError
from services.rest_proxy.bodies import encode
from services.rest_proxy.errors import Code, kafka_code


class Slot(msgspec.Struct, gc=False):
    """What the answer says of one record."""

    partition: int | None = None
    offset: int | None = None
    error_code: int | None = None
    error: str | None = None


class _Answer(msgspec.Struct):
    offsets: Sequence[Slot]
    key_schema_id: int | None = None
    value_schema_id: int | None = None


def failed_slot(error: KafkaError, refused: LoginError | None = None) -> Slot:
    """The slot of a record that Kafka has not taken; a refused login is why none is in time."""
    code = kafka_code(error)
    reason = error.str()
    if refused is not None and code == Code.KAFKA_RETRIABLE:
        reason = str(refused)
    return Slot(error_code=int(code), error=reason)


def answer(slots: Sequence[Slot]) -> bytes:
    """The answer to a produce request, of which each record has its slot."""
    return encode(_Answer(slots))


def answer_from(
    partitions: Sequence[int | None], offsets: Sequence[int | None], failed: Mapping[int, Slot]
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
        return answer([failed.get(number) or Slot(*place) for number, place in places])
    before = b'{"partition":%d,"offset":' % partition
    after = b',"error_code":null,"error":null}'
    return b'{"offsets":[%b%b%b],"key_schema_id":null,"value_schema_id":null}' % (
        before,
        encode(offsets)[1:-1].replace(b",", after + b"," + before),
        after,
    )

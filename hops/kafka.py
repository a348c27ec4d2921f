"""Hop 5, Kafka (MSK on AWS): offsets and records of a topic."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException, TopicPartition

from hops.access import Access
from hops.errors import HopError, hop_errors

HOP = "kafka"
LIMIT = 15.0
"""Seconds until a response of the broker."""

Offsets = dict[int, int]
"""Partition to offset."""


@dataclass(frozen=True, slots=True)
class KafkaRecord:
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    value: bytes | None


def _consumer(access: Access) -> Consumer:
    return Consumer(
        {
            **access.kafka,
            "group.id": "pinpipe",  # never joined or committed: partitions are assigned by hand
            "enable.auto.commit": False,
            "enable.partition.eof": False,
        }
    )


def offsets(access: Access, topic: str) -> tuple[Offsets, Offsets]:
    """First offset and next offset of each partition of a topic.

    Raises:
        HopError: the broker doesn't respond, or the topic doesn't exist.
    """
    servers = access.settings.kafka_bootstrap_servers
    with closing(_consumer(access)) as consumer, hop_errors(HOP, servers, KafkaException):
        partitions = consumer.list_topics(topic, timeout=LIMIT).topics[topic].partitions
        if not partitions:
            raise HopError(HOP, f"there is no topic {topic!r}")
        ranges = {
            p: consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=LIMIT)
            for p in partitions
        }
    return {p: low for p, (low, _) in ranges.items()}, {p: high for p, (_, high) in ranges.items()}


def read(
    access: Access, topic: str, start: Mapping[int, int], end: Mapping[int, int]
) -> Iterator[KafkaRecord]:
    """Records of a topic, from ``start`` up to but not including ``end``, by partition.

    Raises:
        HopError: the records don't arrive within ``LIMIT`` seconds.
    """
    for partition, stop in end.items():
        first = start.get(partition, 0)
        if first < stop:
            yield from _read_partition(access, TopicPartition(topic, partition, first), stop)


def _read_partition(access: Access, at: TopicPartition, stop: int) -> Iterator[KafkaRecord]:
    with closing(_consumer(access)) as consumer:
        consumer.assign([at])
        position = at.offset
        while True:
            # `consume` waits for the requested number of records, so request no more than are left.
            messages = consumer.consume(min(500, stop - position), timeout=LIMIT)
            if not messages:
                raise HopError(HOP, f"no record of {at.topic}-{at.partition} in {LIMIT:g} s")
            for message in messages:
                if message.error() is not None:
                    raise HopError(HOP, f"{at.topic}-{at.partition}: {message.error()}")
                offset = message.offset()
                if offset is None or offset >= stop:
                    return
                position = offset + 1
                yield KafkaRecord(at.topic, at.partition, offset, message.value())
                if offset == stop - 1:
                    return

"""A delivery ends once, when the last of its records has been reported, in any order."""

import asyncio
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from contract.settings import Settings
from services.kafka_client.login import LoginWatch
from services.rest_proxy.produce.producer import BY_KEY, Delivery

TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


def stored(partition: int | None, offset: int | None) -> Any:
    """Return a message with the attributes that a delivery reads."""
    return SimpleNamespace(partition=lambda: partition, offset=lambda: offset)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_each_report_sets_its_own_result(order: tuple[int, ...]) -> None:
    async def run() -> tuple[Delivery, list[int]]:
        finished: list[int] = []
        delivery = Delivery("t", 3, lambda _: finished.append(len(seen)), LoginWatch(Settings()))
        delivery.partitions += [4, BY_KEY, BY_KEY]
        reports = [
            lambda: delivery.report(0, None, stored(4, 20)),
            lambda: delivery.report_by_key(1, None, stored(2, 30)),
            lambda: delivery.report_by_key(2, TOO_LARGE, stored(None, None)),
        ]
        seen: list[int] = []
        for number in order:
            seen.append(number)
            reports[number]()
        return delivery, finished

    delivery, finished = asyncio.run(run())

    assert finished == [3]
    assert (delivery.partitions[:2], delivery.offsets) == ([4, 2], [20, 30, None])
    assert list(delivery.failed) == [2]
    assert not delivery.unknown_topic


@pytest.mark.parametrize(
    ("code", "unknown"),
    [
        (KafkaError._UNKNOWN_TOPIC, True),
        (KafkaError._UNKNOWN_PARTITION, True),
        (KafkaError.UNKNOWN_TOPIC_OR_PART, True),
        (KafkaError.MSG_SIZE_TOO_LARGE, False),
    ],
)
def test_an_unknown_topic_is_noticed(code: int, unknown: bool) -> None:
    async def run() -> Delivery:
        delivery = Delivery("t", 1, lambda _: None, LoginWatch(Settings()))
        delivery.fail(0, KafkaError(code))
        return delivery

    assert asyncio.run(run()).unknown_topic is unknown

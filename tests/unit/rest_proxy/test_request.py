"""A request is finished once, when the last of its records has been reported, in whatever order."""

from __future__ import annotations

import asyncio
from itertools import permutations
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from contract.settings import Settings
from services.kafka_client.login import Watch
from services.rest_proxy.produce.producer import BY_KEY, Request

TOO_LARGE = KafkaError(KafkaError.MSG_SIZE_TOO_LARGE)


def stored(partition: int | None, offset: int | None) -> Any:
    """What a request reads of the message in a delivery report."""
    return SimpleNamespace(partition=lambda: partition, offset=lambda: offset)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_each_report_finds_its_slot(order: tuple[int, ...]) -> None:
    async def run() -> tuple[Request, list[int]]:
        finished: list[int] = []
        request = Request("t", 3, lambda _: finished.append(len(seen)), Watch(Settings()))
        request.partitions += [4, BY_KEY, BY_KEY]
        reports = [
            lambda: request.report(0, None, stored(4, 20)),
            lambda: request.report_by_key(1, None, stored(2, 30)),
            lambda: request.report_by_key(2, TOO_LARGE, stored(None, None)),
        ]
        seen: list[int] = []
        for number in order:
            seen.append(number)
            reports[number]()
        return request, finished

    request, finished = asyncio.run(run())

    assert finished == [3]
    assert (request.partitions[:2], request.offsets) == ([4, 2], [20, 30, None])
    assert list(request.failed) == [2]
    assert not request.unknown_topic


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
    async def run() -> Request:
        request = Request("t", 1, lambda _: None, Watch(Settings()))
        request.fail(0, KafkaError(code))
        return request

    assert asyncio.run(run()).unknown_topic is unknown

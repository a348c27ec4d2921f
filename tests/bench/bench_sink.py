"""The S3 sink compared with a plain consumer of the same topic, in one run.

The plain consumer, of confluent-kafka, only fetches records. With its default settings it pauses
for a second whenever 64 MiB are buffered, so that its rate varies; the output includes its rate
without that pause. The sink parses each record, writes it as JSON and stores it in S3, here
LocalStack, which shares the machine's cores. So the output includes the processor time per record
and process, which is comparable on a busy machine as well. The bench asserts no speed, only that
the sink has stored records.
"""

import os
import statistics
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract.wire import dumps
from hops import connect
from hops.access import Access
from services.connect.config import connector_config
from services.connect.rest import Worker
from tests.conftest import Stack
from tests.support.processor import processor_seconds
from tests.support.waiting import wait_for

RECORDS = 600_000
"""Records of 720 bytes, in three partitions, as many as the original has topics and tasks."""
PARTITIONS = 3
RUNS = {10_000: (5, 30.0), 100: (1, 15.0), 1: (1, 15.0)}
"""By records per object: number of runs, of which the median counts, and seconds of each."""
SERVICES = ("connect", "localstack", "kafka")


@pytest.fixture(scope="module")
def topic(stack: Stack) -> str:
    """A topic with all records."""
    name = f"bench-sink-{uuid.uuid4().hex[:8]}"
    servers = {"bootstrap.servers": stack.settings.kafka_bootstrap_servers}
    admin = AdminClient(servers)  # must live as long as its futures
    admin.create_topics([NewTopic(name, PARTITIONS)])[name].result(30)
    producer = Producer({**servers, "linger.ms": 20, "queue.buffering.max.messages": 2 * RECORDS})
    for number in range(RECORDS):
        row = {"index": number, "tags": "N,o, ,T,a,g,s", "downloaded": 0, "latitude": -89.9787}
        filled = row | {"description": "x" * (720 - len(dumps(row | {"description": ""})))}
        producer.produce(name, dumps(filled), partition=number % PARTITIONS)
        if number % 1000 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0
    return name


def plain_consumer(servers: str, topic: str, **settings: Any) -> tuple[float, float]:
    """Return a consumer's records a second, and its microseconds of processor time per record.

    The clock runs from the first records to the last.
    """
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            **settings,
        }
    )
    consumer.subscribe([topic])
    first = 0
    processor = processor_seconds(os.getpid())
    while not first:
        first = len(consumer.consume(10_000, 1.0))
    got, began = first, time.perf_counter()
    while got < RECORDS:
        got += len(consumer.consume(10_000, 1.0))
    seconds = time.perf_counter() - began
    processor = processor_seconds(os.getpid()) - processor
    consumer.close()
    return (RECORDS - first) / seconds, 1e6 * processor / RECORDS


def of_services(stack: Stack) -> dict[str, float]:
    """Return the processor time of each service until now."""
    return {service: processor_seconds(stack.pid(service)) for service in SERVICES}


class Run:
    """The sink, writing the topic in objects of ``flush`` records below a folder of its own."""

    def __init__(self, stack: Stack, access: Access, topic: str, flush: int) -> None:
        self.stack, self.s3, self.flush = stack, access.s3, flush
        self.name = f"bench-{flush}-{uuid.uuid4().hex[:8]}"
        config = connector_config(stack.settings) | {
            "topics": topic,
            "topics.dir": self.name,
            "flush.size": str(flush),
            "rotate.interval.ms": "-1",
            "s3.part.size": str(64 << 20),
        }
        config.pop("topics.regex")
        self.config = config

    def objects(self) -> int:
        """Return the number of stored objects."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.stack.settings.bucket, Prefix=f"{self.name}/"
        )
        return sum(len(page.get("Contents", [])) for page in pages)

    def measure(self, limit: float) -> tuple[float, dict[str, float]]:
        """Return records a second, and microseconds of processor time per record by service.

        The clock runs from the first listed object to the last, at most ``limit`` seconds.
        """
        password = connect.password(self.stack.engine)
        worker = Worker(self.stack.settings.connect_url, password)
        worker.configure(self.name, self.config)
        try:
            first = wait_for("the first object", self.objects, 60, 0.05)
            began, before = time.perf_counter(), of_services(self.stack)
            goal = RECORDS // self.flush
            last = first
            while last < goal and time.perf_counter() - began < limit:
                time.sleep(0.2)
                last = self.objects()
            seconds, after = time.perf_counter() - began, of_services(self.stack)
        finally:
            worker.delete(self.name)
        stored = (last - first) * self.flush
        assert stored > 0
        return stored / seconds, {s: 1e6 * (after[s] - before[s]) / stored for s in SERVICES}


def middle(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


@pytest.mark.timeout(600)
def test_sink_against_a_plain_consumer(
    stack: Stack, access: Access, topic: str, say: Callable[..., None]
) -> None:
    servers = stack.settings.kafka_bootstrap_servers
    Run(stack, access, topic, 10_000).measure(30.0)  # warms the worker's JVM up
    lines = []
    for flush, (rounds, limit) in RUNS.items():
        rates, costs = [], []
        for _ in range(rounds):
            plain, plain_cost = plain_consumer(servers, topic)
            unpaused, _ = plain_consumer(servers, topic, **{"fetch.queue.backoff.ms": 1})
            sink, used = Run(stack, access, topic, flush).measure(limit)
            ratios = {"to plain": sink / plain, "to unpaused": sink / unpaused}
            rates.append({"sink": sink, "plain": plain, "unpaused": unpaused, **ratios})
            costs.append({"plain": plain_cost, **used})
        rate, cost = middle(rates), middle(costs)
        lines.append(
            f"flush {flush:>6}: sink {rate['sink']:>9,.0f} records/s, plain consumer"
            f" {rate['plain']:>9,.0f}/s, ratio {rate['to plain']:.3f}; without its pause"
            f" {rate['unpaused']:>9,.0f}/s, ratio {rate['to unpaused']:.3f};"
            " processor time a record (us): "
            + ", ".join(f"{name} {us:.1f}" for name, us in cost.items())
            + f" (median of {rounds})"
        )
    say(*lines)

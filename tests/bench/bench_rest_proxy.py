"""The REST proxy compared with a raw confluent-kafka producer with callbacks.

Both send events of 720 bytes to one broker, in turns within one run, several rounds, so that a busy
machine slows both and the ratio stays comparable. The bench asserts no speed, only that every
record was acknowledged and is in the topic.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from services.rest_proxy.produce.producer import LINGER_MS
from tests.support import ROOT
from tests.support.processor import processor_seconds
from tests.support.rest_load import compact, event
from tests.support.rest_proxy import BROKER, Proxy, broker, create_topic

ROUNDS = 5
SECONDS = 2.0
TOPIC = "bench"


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    """A REST proxy, with a broker that has the topic."""
    with broker(tmp_path):
        create_topic(TOPIC)
        with Proxy(tmp_path, 22040) as service:
            yield service


def raw_producer(seconds: float) -> tuple[int, float]:
    """Produce with the proxy's guarantees; return the acknowledged events and the seconds."""
    producer = Producer(
        {
            "bootstrap.servers": BROKER,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": LINGER_MS,
            "compression.type": "lz4",
        }
    )
    acknowledged = 0

    def delivered(error: object, message: object) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    value = compact(event())
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(500):
            while True:
                try:
                    producer.produce(TOPIC, value, on_delivery=delivered)
                    break
                except BufferError:
                    producer.poll(0.01)
        producer.poll(0)
    producer.flush(30)
    return acknowledged, time.perf_counter() - began


def through_proxy(proxy: Proxy, records: int, connections: int) -> tuple[int, float, float]:
    """Return the events that the proxy has acknowledged, the seconds, and its CPU seconds."""
    assert proxy.process is not None
    used = processor_seconds(proxy.process.pid)
    arguments = [str(proxy.port), TOPIC, str(records), str(SECONDS), str(connections)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.rest_load", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    result = json.loads(done.stdout)
    assert result["failed"] == 0
    return result["events"], result["seconds"], processor_seconds(proxy.process.pid) - used


def _in_topic() -> int:
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "bench"})
    try:
        edges = consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=10)
        assert edges is not None
        return edges[1]
    finally:
        consumer.close()


def test_rest_proxy_against_raw_producer(proxy: Proxy, say: Callable[..., None]) -> None:
    raw_producer(0.5)
    through_proxy(proxy, 500, 8)
    sent = _in_topic()
    rates: dict[str, list[float]] = {"raw": [], "500": [], "1": [], "1 per CPU second": []}
    costs: dict[str, list[float]] = {"raw": [], "500": []}
    for _ in range(ROUNDS):
        used = processor_seconds(os.getpid())
        events, seconds = raw_producer(SECONDS)
        sent += events
        rates["raw"].append(events / seconds)
        costs["raw"].append(1e6 * (processor_seconds(os.getpid()) - used) / events)
        events, seconds, cpu = through_proxy(proxy, 500, 8)
        sent += events
        rates["500"].append(events / seconds)
        costs["500"].append(1e6 * cpu / events)
        events, seconds, cpu = through_proxy(proxy, 1, 32)
        sent += events
        rates["1"].append(events / seconds)
        rates["1 per CPU second"].append(events / cpu)

    median = {name: statistics.median(values) for name, values in rates.items()}
    cost = {name: statistics.median(values) for name, values in costs.items()}
    ratios = [proxied / raw for proxied, raw in zip(rates["500"], rates["raw"], strict=True)]
    say(
        f"REST proxy, events/s, median of {ROUNDS} rounds:",
        f"  raw producer with callbacks     {median['raw']:>10,.0f}"
        f"   {cost['raw']:.1f} us of CPU an event",
        f"  proxy, 500 records a request    {median['500']:>10,.0f}"
        f"   {cost['500']:.1f} us of CPU an event"
        f"   ratio {statistics.median(ratios):.2f} (target 0.50)",
        f"  proxy, 1 record a request       {median['1']:>10,.0f}"
        f"   {median['1 per CPU second']:,.0f} per CPU second of the proxy",
    )
    assert _in_topic() == sent

"""What the drills of the S3 sink share: a steady stream of records, and the count in S3."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import boto3
from confluent_kafka import Producer

from contract import names
from contract.settings import Settings
from contract.wire import dumps
from stack.waiting import wait_for

RATE = 400
"""Records a second, over all topics."""
TICK = 0.05
"""Seconds between two handfuls of records."""


@dataclass
class Load:
    """Sends numbered records to the three topics in turn, until it is stopped."""

    settings: Settings
    sent: int = 0
    """Records sent; the next one's number."""
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    """In each record: other tests use the same topics."""
    failed: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop, and wait until the broker has everything."""
        self._stopped.set()
        self._thread.join()
        assert self.failed == []

    def _send(self) -> None:
        topics = names.topics(self.settings.user_id)
        producer = Producer(
            {
                "bootstrap.servers": self.settings.kafka_bootstrap_servers,
                "enable.idempotence": True,
                "linger.ms": 5,
            }
        )

        def on_delivery(error: object, _: object) -> None:
            if error is not None:
                self.failed.append(str(error))

        while not self._stopped.wait(TICK):
            for _ in range(int(RATE * TICK)):
                value = dumps({"load": self.name, "number": self.sent})
                producer.produce(topics[self.sent % 3], value, on_delivery=on_delivery)
                self.sent += 1
            producer.poll(0)
        if producer.flush(30):
            self.failed.append("not all records reached the broker in 30 s")


@dataclass
class Stored:
    """What is in S3 of the records of a :class:`Load`."""

    copies: Counter[int]
    """How often each number is there."""
    chains: dict[str, list[tuple[int, int]]]
    """Start offset and lines of each topic's objects, in order."""

    def duplicated(self) -> list[int]:
        """Numbers that are there more than once."""
        return [number for number, count in self.copies.items() if count > 1]

    def overlaps(self) -> list[str]:
        """Objects that begin before the end of the one before them."""
        return [
            f"{topic}: {start} + {lines} lines, then {following}"
            for topic, chain in self.chains.items()
            for (start, lines), (following, _) in itertools.pairwise(chain)
            if start + lines > following
        ]


class Bucket:
    """The stack's bucket, as the drills look at it."""

    def __init__(self, settings: Settings) -> None:
        self.name = settings.bucket
        self.s3 = boto3.client(
            "s3",
            endpoint_url=settings.aws_endpoint_url,
            region_name=settings.aws_region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self._lines: dict[str, list[Any]] = {}  # by key: an object never changes

    def look(self, load: Load) -> Stored:
        """What is there now."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=f"{names.TOPICS_DIR}/"
        )
        stored = Stored(Counter(), {})
        for key in sorted(found["Key"] for page in pages for found in page.get("Contents", [])):
            if key not in self._lines:
                body = self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
                self._lines[key] = [json.loads(line) for line in body.splitlines()]
            lines, position = self._lines[key], names.parse_object_key(key)
            chain = stored.chains.setdefault(position.topic, [])
            chain.append((position.start_offset, len(lines)))
            ours = (line for line in lines if isinstance(line, dict))
            stored.copies.update(line["number"] for line in ours if line.get("load") == load.name)
        return stored

    def wait_for_all(self, load: Load, numbers: range, limit: float = 60) -> Stored:
        """Wait until each of the numbers is there."""

        def missing() -> int:
            copies = self.look(load).copies
            return sum(number not in copies for number in numbers)

        wait_for(
            "every record to be in S3",
            lambda: missing() == 0,
            limit,
            0.5,
            lambda: f"{missing()} of {len(numbers)} missing",
        )
        return self.look(load)

    def wait_for_more(self, load: Load, more: int, limit: float = 60) -> None:
        """Wait until so many more records are there than now."""
        goal = self.look(load).copies.total() + more
        wait_for(f"{goal} records in S3", lambda: self.look(load).copies.total() >= goal, limit)

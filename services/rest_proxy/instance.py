"""One consumer instance: a Kafka consumer that is driven call by call.

Its methods, and those of its parts, block: they run in a thread, one at a time.
"""

from __future__ import annotations

import time

from confluent_kafka import Consumer

from contract.settings import Settings
from services.rest_proxy.assignment import Assignment
from services.rest_proxy.backlog import Backlog
from services.rest_proxy.kafka_clients import client_configuration
from services.rest_proxy.options import Options
from services.rest_proxy.positions import Positions

FETCH = 500
"""Records taken from the client library at a time."""

SLICE = 0.2
"""Seconds after which a read that waits looks whether the instance is being closed."""

MAX_BYTES = 64 * 1024 * 1024
"""Bytes of keys and values in one answer, at most."""


class Instance:
    """A Kafka consumer, which partitions it reads and where it stands in them."""

    def __init__(self, settings: Settings, group: str, name: str, options: Options) -> None:
        self.options = options
        self.closing = False
        self._paused = False
        self._read_at = 0.0
        timeout_ms = settings.rest_proxy_consumer_timeout_ms
        self._consumer = Consumer(
            {
                **client_configuration(settings, lambda error: None),
                "group.id": group,
                "client.id": name,
                "auto.offset.reset": options.auto_offset_reset,
                "enable.auto.commit": options.auto_commit,
                "enable.auto.offset.store": False,
                # An instance may be left alone for as long as it lives.
                "max.poll.interval.ms": min(max(300_000, 2 * timeout_ms), 86_400_000),
                "queued.max.messages.kbytes": 8192,
                "fetch.wait.max.ms": 100,
            }
        )
        self.positions = Positions(self._consumer)
        self._backlog = Backlog(self.positions)
        self.assignment = Assignment(self._consumer, self.positions, self._backlog)

    def keep(self) -> None:
        """Take part in what the group does, while no client reads.

        The client library waits for a poll before it gives partitions up, so an instance that
        nobody reads would hold up its whole group. Fetching pauses until the next read.

        Raises:
            KafkaException: an error that ends a read.
        """
        assigned = self._consumer.assignment()
        if assigned:
            self._consumer.pause(assigned)
            self._paused = True
        self._backlog.take([self._consumer.poll(0)])

    def unread_for(self) -> float:
        """Seconds since the last read of a client that has subscribed; 0 for one that has not."""
        return time.monotonic() - self._read_at if self.assignment.topics else 0.0

    def read(self, timeout: float | None, max_bytes: int | None) -> bytes:
        """JSON list of the next records, as soon as there are ``fetch.min.bytes`` of them.

        ``timeout`` in seconds and ``max_bytes`` of keys and values lower the bounds of the
        instance; one record is given however large it is.

        Raises:
            ApiError: 50002, the next record is not JSON; it stays the next one until the client
                seeks past it.
            KafkaException: an error that ends a read.
        """
        longest = self.options.timeout
        deadline = time.monotonic() + (longest if timeout is None else min(timeout, longest))
        bound = MAX_BYTES if max_bytes is None else min(max_bytes, MAX_BYTES)
        given: list[bytes] = []
        size = 0
        if self._paused:
            self._consumer.resume(self._consumer.assignment())
            self._paused = False
        while True:
            mine = set(self.assignment.places()) if self._backlog else set()
            added, full = self._backlog.give(given, size, bound, mine, self.options.format)
            size += added
            left = deadline - time.monotonic()
            if full or left <= 0 or self.closing:
                break
            enough = size >= self.options.min_bytes
            if not self._fetch(0 if enough else min(left, SLICE)) and enough:
                break
        self._read_at = time.monotonic()
        if self.options.auto_commit:
            self.positions.store(set(self.assignment.places()))
        return b"[%b]" % b",".join(given)

    def _fetch(self, wait: float) -> bool:
        """Take what the client library has, waiting ``wait`` seconds for the first record."""
        first = self._consumer.poll(wait)
        return first is not None and self._backlog.take([first, *self._consumer.consume(FETCH, 0)])

    def close(self) -> None:
        """Leave the group; commits what was given out, where the consumer commits by itself."""
        self._consumer.close()

"""The consumer instances: looked up by group and name, limited in number, closed when unused.

Each call on an instance runs in a thread, one at a time for an instance, so that a consumer
that waits for records never blocks the event loop or another consumer.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import re2
from confluent_kafka import KafkaError, KafkaException

from contract.settings import Settings
from services.rest_proxy.consume.consumer import ConsumerInstance
from services.rest_proxy.http.bodies import ConsumerOptions, NewConsumer
from services.rest_proxy.http.errors import ApiError, Code, kafka_error
from services.rest_proxy.metadata.metadata import MAX_AGE, Metadata

T = TypeVar("T")

SWEEP = 0.5
"""Seconds between two checks for unused instances."""

# RE2 matches in linear time. Its memory limit also limits the time to compile a pattern, to 50 ms.
_RE2 = re2.Options()
_RE2.log_errors = False
_RE2.never_capture = True
_RE2.max_mem = 2**20

_NO_PARTITION = (KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART)


@dataclass(eq=False, slots=True)
class _Entry:
    """A registered instance; ``instance`` is None while it is being created."""

    instance: ConsumerInstance | None = None
    users: int = 0
    unused_since: float = float("inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Consumers:
    """Every consumer instance of this process."""

    def __init__(self, settings: Settings, metadata: Metadata) -> None:
        self._settings = settings
        self._metadata = metadata
        self._lifetime = settings.rest_proxy_consumer_timeout_ms / 1000
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._threads = ThreadPoolExecutor(
            settings.rest_proxy_consumers, thread_name_prefix="consumer"
        )
        self._loop = asyncio.get_running_loop()
        self._background: set[asyncio.Task[None]] = set()
        self._sweeper = self._loop.create_task(self._sweep())

    async def create(self, group: str, body: NewConsumer) -> str:
        """Create an instance; return its name.

        Raises:
            ApiError: 40902; 42204; 50303, as many instances as are allowed read.
        """
        options = body.options()
        name = body.name or f"rest-consumer-{uuid4()}"
        key = (group, name)
        if key in self._entries:
            raise ApiError(Code.CONSUMER_EXISTS)
        if len(self._entries) >= self._settings.rest_proxy_consumers:
            self._in_background(self._close(self._entries.pop(self._longest_idle())))
        entry = self._entries[key] = _Entry()
        try:
            entry.instance = await self._run(ConsumerInstance, self._settings, group, name, options)
        except BaseException:
            del self._entries[key]
            raise
        entry.unused_since = self._loop.time()
        return name

    def _longest_idle(self) -> tuple[str, str]:
        """The instance that has been unused longest, of those that read nothing.

        Clients that only create instances take no place from those that read.

        Raises:
            ApiError: 50303, every instance reads.
        """
        idle = {
            key: entry.unused_since
            for key, entry in self._entries.items()
            if entry.instance is not None and entry.instance.is_idle and not entry.users
        }
        if not idle:
            raise ApiError(Code.TOO_MANY_CONSUMERS)
        return min(idle, key=lambda key: idle[key])

    async def call(self, group: str, name: str, action: Callable[[ConsumerInstance], T]) -> T:
        """Run ``action`` on an instance, after the calls before it.

        Raises:
            ApiError: 40403, the instance does not exist; and the errors of ``action``.
        """
        entry, instance = self._find(group, name)
        entry.users += 1
        try:
            async with entry.lock:
                if instance.closing:
                    raise ApiError(Code.CONSUMER_NOT_FOUND)
                if instance.pattern is not None:
                    matching = await self.matching(instance.pattern, MAX_AGE)
                    await self._run(instance.match, matching)
                return await self._run(action, instance)
        finally:
            entry.users -= 1
            entry.unused_since = self._loop.time()

    def options(self, group: str, name: str) -> ConsumerOptions:
        """Return the configuration of an instance.

        Raises:
            ApiError: 40403, the instance does not exist.
        """
        return self._find(group, name)[1].options

    async def delete(self, group: str, name: str) -> None:
        """Close an instance; a waiting read returns the records that it has.

        Raises:
            ApiError: 40403, the instance does not exist.
        """
        self._find(group, name)
        await self._close(self._entries.pop((group, name)))

    def _find(self, group: str, name: str) -> tuple[_Entry, ConsumerInstance]:
        entry = self._entries.get((group, name))
        if entry is None or entry.instance is None:
            raise ApiError(Code.CONSUMER_NOT_FOUND)
        return entry, entry.instance

    async def matching(self, pattern: str, max_age: float = 0.0) -> list[str]:
        """Return the topics whose whole name matches a pattern, without internal topics.

        Raises:
            ApiError: 422, RE2 refuses the pattern.
        """
        try:
            matches = re2.compile(pattern, _RE2).fullmatch
        except re2.error as error:
            reason = error.args[0].decode(errors="replace")
            raise ApiError(422, message=f"topic_pattern {pattern!r}: {reason}") from error
        topics = await self._metadata.topics(max_age)
        return sorted(name for name in topics if not name.startswith("__") and matches(name))

    async def _run(self, action: Callable[..., T], *arguments: object) -> T:
        try:
            return await self._loop.run_in_executor(self._threads, action, *arguments)
        except KafkaException as error:
            if error.args[0].code() in _NO_PARTITION:
                raise ApiError(Code.PARTITION_NOT_FOUND) from error
            raise kafka_error(error) from error

    async def _close(self, entry: _Entry) -> None:
        if entry.instance is not None:
            entry.instance.closing = True
            async with entry.lock:
                await self._run(entry.instance.close)

    async def _sweep(self) -> None:
        """Close instances that are unused for too long; keep the others in their groups."""
        while True:
            await asyncio.sleep(SWEEP)
            now = self._loop.time()
            for key, entry in list(self._entries.items()):
                if not entry.users and now - entry.unused_since > self._lifetime:
                    self._in_background(self._close(self._entries.pop(key)))
                elif entry.instance is not None and not entry.lock.locked():
                    self._in_background(self._keep_membership(entry, entry.instance))

    async def _keep_membership(self, entry: _Entry, instance: ConsumerInstance) -> None:
        # The client's next read reports an error, so it is ignored here.
        with suppress(ApiError):
            async with entry.lock:
                if not instance.closing and instance.unread_for() > SWEEP:
                    await self._run(instance.keep_membership)

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def close(self, timeout: float) -> None:
        """Close every instance; wait at most ``timeout`` seconds, as the broker may be gone."""
        self._sweeper.cancel()
        closing = {self._loop.create_task(self._close(entry)) for entry in self._entries.values()}
        self._entries.clear()
        if closing | self._background:
            await asyncio.wait(closing | self._background, timeout=timeout)
        self._threads.shutdown(wait=False, cancel_futures=True)

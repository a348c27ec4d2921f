"""What the proxy knows of brokers, topics and partitions.

The list of topics is asked for as a whole: a broker that creates topics by itself would create
one that is asked for by name. What was learned is used for ``MAX_AGE`` when records are
produced; a call that shows metadata always asks.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka import TopicPartition as KafkaPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._listoffsets import EarliestSpec, LatestSpec
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata
from confluent_kafka.admin._resource import ResourceType

from contract.settings import Settings
from services.kafka_client.login import Watch
from services.rest_proxy.http.errors import ApiError, Code, kafka_error
from services.rest_proxy.kafka_clients import TIMEOUT, client_configuration

T = TypeVar("T")

MAX_AGE = 5.0
"""Seconds after which a producing call has the topics asked for again, in the background."""


class Metadata:
    """Topics, partitions and brokers, over an administrator's client of its own."""

    def __init__(self, settings: Settings) -> None:
        self.watch = Watch(settings)
        self.timeout = min(TIMEOUT, settings.rest_proxy_message_timeout_ms / 1000)
        self._admin = AdminClient(client_configuration(settings, self.watch))
        # One thread for refreshing, one for the health check: neither waits for the other.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="metadata")
        self._lock = asyncio.Lock()
        self._asked = float("-inf")  # by the loop's clock
        self._failure: KafkaException | None = None
        self._background: asyncio.Task[None] | None = None
        self._brokers: list[int] = []
        self._topics: dict[str, TopicMetadata] = {}

    @property
    def reason(self) -> str:
        """Last error of the connection to Kafka."""
        return self.watch.last_error or "no connection to Kafka yet"

    async def log_in(self, limit: float) -> None:
        """Wait for a broker, ``limit`` seconds at most; one that is away may come later.

        Raises:
            LoginError: it refuses the login, which it would do again.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        while loop.time() < deadline:
            well, _ = await self.check(2.0)
            if well:
                return
            if self.watch.refused is not None:
                raise self.watch.refused
            await asyncio.sleep(0.1)  # a broker that isn't ready says so at once

    def close(self) -> None:
        """Give up the thread that may be waiting for a broker."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _list(self, timeout: float) -> ClusterMetadata:
        try:
            answer = self._admin.list_topics(timeout=timeout)
        except KafkaException:
            self._admin.poll(0)  # tells the watch what has happened
            raise
        self._admin.poll(0)
        self.watch.well()
        return answer

    async def refresh(self, timeout: float | None = None) -> dict[str, TopicMetadata]:
        """Ask the broker for its topics; the answer is not older than this call.

        Callers that wait at the same time share one request.

        Raises:
            KafkaException: no answer in ``timeout`` seconds.
        """
        loop = asyncio.get_running_loop()
        called = loop.time()
        async with self._lock:
            if self._asked < called:
                self._asked, self._failure = loop.time(), None
                try:
                    answer = await loop.run_in_executor(
                        self._threads, self._list, timeout or self.timeout
                    )
                except KafkaException as error:
                    self._failure = error
                else:
                    self._brokers = sorted(answer.brokers)
                    self._topics = {
                        name: topic for name, topic in answer.topics.items() if topic.error is None
                    }
            if self._failure is not None:
                raise self._failure
        return self._topics

    def known_partitions(self, topic: str) -> int:
        """Number of partitions of ``topic`` as far as is known; 0 for an unknown topic."""
        found = self._topics.get(topic)
        if found is None:
            return 0
        loop = asyncio.get_running_loop()
        if self._background is None and loop.time() - self._asked > MAX_AGE:
            self._background = loop.create_task(self._refresh_in_background())
        return len(found.partitions)

    async def _refresh_in_background(self) -> None:
        try:
            await self.refresh()
        except KafkaException:
            pass  # what was known stays; asked again after MAX_AGE
        finally:
            self._background = None

    def forget(self, topic: str) -> None:
        """Drop what is known of a topic that the broker no longer knows."""
        self._topics.pop(topic, None)

    async def topics(self, max_age: float = 0.0) -> dict[str, TopicMetadata]:
        """Every topic, as it is now or was at most ``max_age`` seconds ago.

        Raises:
            ApiError: the broker does not answer.
        """
        now = asyncio.get_running_loop().time()
        if self._failure is None and now - self._asked <= max_age:
            return self._topics
        try:
            return await self.refresh()
        except KafkaException as error:
            raise self._unreachable(error) from error

    async def topic(self, name: str) -> TopicMetadata:
        """Ask for one topic.

        Raises:
            ApiError: 404 when there is none of that name; the broker does not answer.
        """
        found = (await self.topics()).get(name)
        if found is None:
            raise ApiError(Code.TOPIC_NOT_FOUND)
        return found

    async def brokers(self) -> list[int]:
        """Ids of the brokers.

        Raises:
            ApiError: the broker does not answer.
        """
        await self.topics()
        return self._brokers

    async def check(self, timeout: float) -> tuple[bool, str]:
        """Whether the broker answers now, within ``timeout`` seconds, and the reason."""
        loop = asyncio.get_running_loop()
        try:
            answer = await loop.run_in_executor(self._threads, self._list, timeout)
        except KafkaException as error:
            return False, f"Kafka does not answer: {error.args[0].str()}; last error: {self.reason}"
        if not answer.brokers:
            return False, "Kafka answers but has no broker ready"
        return True, f"Kafka answers: {len(answer.brokers)} broker(s)"

    async def configuration(self, topic: str) -> dict[str, str]:
        """Settings of a topic, by name.

        Raises:
            ApiError: the broker does not answer.
        """
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = self._admin.describe_configs([resource], request_timeout=self.timeout)
        entries = await self._answer(futures[resource])
        return {name: entry.value for name, entry in sorted(entries.items())}

    async def offsets(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset of a partition, and the one that its next record will have.

        Raises:
            ApiError: the broker does not answer.
        """
        place = KafkaPartition(topic, partition)
        answers = []
        specs = EarliestSpec(), LatestSpec()  # type: ignore[no-untyped-call]
        for spec in specs:
            futures = self._admin.list_offsets({place: spec}, request_timeout=self.timeout)
            answers.append(futures[place])
        first, following = [(await self._answer(answer)).offset for answer in answers]
        return first, following

    async def _answer(self, future: Future[T]) -> T:
        try:
            return await asyncio.wrap_future(future)
        except KafkaException as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: KafkaException) -> ApiError:
        answer = kafka_error(error)
        if self.watch.refused is not None:
            return ApiError(Code.KAFKA_AUTHENTICATION, message=str(self.watch.refused))
        if answer.code == Code.KAFKA_RETRIABLE:
            return ApiError(answer.code, f"{error.args[0].str()}; last error: {self.reason}")
        return answer


def partition_view(topic: TopicMetadata, number: int) -> dict[str, Any]:
    """Show one partition as the API does.

    Raises:
        ApiError: 404, the topic has no such partition.
    """
    found = topic.partitions.get(number)
    if found is None:
        raise ApiError(Code.PARTITION_NOT_FOUND)
    replicas = [
        {"broker": broker, "leader": broker == found.leader, "in_sync": broker in found.isrs}
        for broker in found.replicas
    ]
    return {"partition": number, "leader": found.leader, "replicas": replicas}

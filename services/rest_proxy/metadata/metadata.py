"""The metadata of brokers, topics and partitions.

The proxy always requests the whole list of topics: a broker that creates topics by itself would
create one that is requested by name. Produce requests use a list that is up to ``MAX_AGE`` old; a
call that returns metadata always requests a new one.
"""

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
from services.kafka_client.login import LoginWatch
from services.rest_proxy.http.errors import ApiError, Code, kafka_error
from services.rest_proxy.kafka_clients import TIMEOUT, client_configuration

T = TypeVar("T")

MAX_AGE = 5.0
"""Seconds after which a produce request refreshes the topics in the background."""


class Metadata:
    """Topics, partitions and brokers, over an admin client of its own."""

    def __init__(self, settings: Settings) -> None:
        self.watch = LoginWatch(settings)
        self.timeout = min(TIMEOUT, settings.rest_proxy_message_timeout_ms / 1000)
        self._admin = AdminClient(client_configuration(settings, self.watch))
        # One thread refreshes, one runs the health check: neither waits for the other.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="metadata")
        self._lock = asyncio.Lock()
        self._refreshed_at = float("-inf")  # by the loop's clock
        self._failure: KafkaException | None = None
        self._background: asyncio.Task[None] | None = None
        self._brokers: list[int] = []
        self._topics: dict[str, TopicMetadata] = {}

    @property
    def reason(self) -> str:
        """Last error of the connection to Kafka."""
        return self.watch.last_error or "no connection to Kafka yet"

    async def log_in(self, limit: float) -> None:
        """Wait at most ``limit`` seconds for a broker; one that is down may start later.

        Raises:
            LoginError: it refuses the login; another attempt would fail, too.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + limit
        while loop.time() < deadline:
            healthy, _ = await self.check(2.0)
            if healthy:
                return
            if self.watch.refused is not None:
                raise self.watch.refused
            await asyncio.sleep(0.1)  # check() returns at once when a broker is not ready

    def close(self) -> None:
        """Abandon the threads, which may be waiting for a broker."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _list(self, timeout: float) -> ClusterMetadata:
        try:
            metadata = self._admin.list_topics(timeout=timeout)
        except KafkaException:
            self._admin.poll(0)  # passes the error to the watch
            raise
        self._admin.poll(0)
        self.watch.clear_refusal()
        return metadata

    async def refresh(self, timeout: float | None = None) -> dict[str, TopicMetadata]:
        """Request the topics from the broker; the result is not older than this call.

        Concurrent callers share one request.

        Raises:
            KafkaException: no answer in ``timeout`` seconds.
        """
        loop = asyncio.get_running_loop()
        called = loop.time()
        async with self._lock:
            if self._refreshed_at < called:
                self._refreshed_at, self._failure = loop.time(), None
                try:
                    metadata = await loop.run_in_executor(
                        self._threads, self._list, timeout or self.timeout
                    )
                except KafkaException as error:
                    self._failure = error
                else:
                    self._brokers = sorted(metadata.brokers)
                    self._topics = {
                        name: topic
                        for name, topic in metadata.topics.items()
                        if topic.error is None
                    }
            if self._failure is not None:
                raise self._failure
        return self._topics

    def known_partitions(self, topic: str) -> int:
        """Return the number of partitions of ``topic`` in the last list; 0 if it is not there."""
        found = self._topics.get(topic)
        if found is None:
            return 0
        loop = asyncio.get_running_loop()
        if self._background is None and loop.time() - self._refreshed_at > MAX_AGE:
            self._background = loop.create_task(self._refresh_in_background())
        return len(found.partitions)

    async def _refresh_in_background(self) -> None:
        try:
            await self.refresh()
        except KafkaException:
            pass  # the old list stays; the next attempt follows after MAX_AGE
        finally:
            self._background = None

    def forget(self, topic: str) -> None:
        """Remove a topic that the broker no longer has."""
        self._topics.pop(topic, None)

    async def topics(self, max_age: float = 0.0) -> dict[str, TopicMetadata]:
        """Return all topics; the list is at most ``max_age`` seconds old.

        Raises:
            ApiError: the broker does not answer.
        """
        now = asyncio.get_running_loop().time()
        if self._failure is None and now - self._refreshed_at <= max_age:
            return self._topics
        try:
            return await self.refresh()
        except KafkaException as error:
            raise self._unreachable(error) from error

    async def topic(self, name: str) -> TopicMetadata:
        """Return one topic.

        Raises:
            ApiError: 40401, it does not exist; or the broker does not answer.
        """
        found = (await self.topics()).get(name)
        if found is None:
            raise ApiError(Code.TOPIC_NOT_FOUND)
        return found

    async def brokers(self) -> list[int]:
        """Return the ids of the brokers.

        Raises:
            ApiError: the broker does not answer.
        """
        await self.topics()
        return self._brokers

    async def check(self, timeout: float) -> tuple[bool, str]:
        """Return whether a broker answers within ``timeout`` seconds, and the reason."""
        loop = asyncio.get_running_loop()
        try:
            metadata = await loop.run_in_executor(self._threads, self._list, timeout)
        except KafkaException as error:
            return False, f"Kafka does not answer: {error.args[0].str()}; last error: {self.reason}"
        if not metadata.brokers:
            return False, "Kafka answers but has no broker ready"
        return True, f"Kafka answers: {len(metadata.brokers)} broker(s)"

    async def configuration(self, topic: str) -> dict[str, str]:
        """Return the settings of a topic, by name.

        Raises:
            ApiError: the broker does not answer.
        """
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = self._admin.describe_configs([resource], request_timeout=self.timeout)
        entries = await self._result(futures[resource])
        return {name: entry.value for name, entry in sorted(entries.items())}

    async def offsets(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset of a partition, and the offset of its next record.

        Raises:
            ApiError: the broker does not answer.
        """
        target = KafkaPartition(topic, partition)
        results = []
        specs = EarliestSpec(), LatestSpec()  # type: ignore[no-untyped-call]
        for spec in specs:
            futures = self._admin.list_offsets({target: spec}, request_timeout=self.timeout)
            results.append(futures[target])
        first, following = [(await self._result(result)).offset for result in results]
        return first, following

    async def _result(self, future: Future[T]) -> T:
        try:
            return await asyncio.wrap_future(future)
        except KafkaException as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: KafkaException) -> ApiError:
        failure = kafka_error(error)
        if self.watch.refused is not None:
            return ApiError(Code.KAFKA_AUTHENTICATION, message=str(self.watch.refused))
        if failure.code == Code.KAFKA_RETRIABLE:
            return ApiError(failure.code, f"{error.args[0].str()}; last error: {self.reason}")
        return failure


def partition_view(topic: TopicMetadata, number: int) -> dict[str, Any]:
    """Return the JSON object of one partition.

    Raises:
        ApiError: 40402, the topic has no such partition.
    """
    found = topic.partitions.get(number)
    if found is None:
        raise ApiError(Code.PARTITION_NOT_FOUND)
    replicas = [
        {"broker": broker, "leader": broker == found.leader, "in_sync": broker in found.isrs}
        for broker in found.replicas
    ]
    return {"partition": number, "leader": found.leader, "replicas": replicas}

"""Everything that a run creates in a deployment, named by the run's user id, and its removal."""

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from contract import names
from contract.entities import ENTITIES
from tests.support.e2e.target import Target

LIMIT = 30.0
"""Seconds until a response of Kafka."""
MOST_OBJECTS = 1000
"""Most objects in one delete request."""


class Footprint:
    """Topics and streams, created before the posts, and the objects and tables of the posts."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._kinesis, self._s3 = target.access.kinesis, target.access.s3
        self._admin = AdminClient(target.access.kafka | {"log_level": 0})
        self.topics = frozenset(names.topics(target.user_id))
        self.streams = frozenset(names.stream(target.user_id, entity) for entity in ENTITIES)
        root = urlsplit(target.settings.delta_root)
        sink = target.access.settings.bucket
        self.folders = (
            *((sink, names.topic_prefix(topic)) for topic in sorted(self.topics)),
            (root.netloc, f"{root.path.lstrip('/')}/"),
        )
        """Bucket and prefix of the objects: three topics' and the tables'."""

    def make(self) -> None:
        """Create topics and streams and wait until they are active."""
        partitions = self._target.deployed.kafka_topic_partitions
        self._all_topics()  # logs in, which creating topics needs
        new = [NewTopic(topic, partitions) for topic in self.topics]
        for made in self._admin.create_topics(new).values():
            made.result(LIMIT * self._target.patience)
        for stream in self.streams:
            self._kinesis.create_stream(
                StreamName=stream, ShardCount=1, StreamModeDetails={"StreamMode": "PROVISIONED"}
            )
        for stream in self.streams:
            active = partial(self._is_active, stream)
            self._target.wait(f"stream {stream} to be active", active, 60)

    def remove(self) -> None:
        """Remove what the run has created, and nothing else; wait until it's gone.

        Every removal is tried, even if another failed.

        Raises:
            ExceptionGroup: a removal failed.
        """
        errors: list[Exception] = []
        steps: list[Callable[[], None]] = [self._remove_topics]
        steps += [partial(self._remove_stream, stream) for stream in self.streams]
        steps += [partial(self._remove_objects, *folder) for folder in self.folders]
        for step in steps:
            try:
                step()
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup(f"not all of {self._target.user_id} could be removed", errors)
        self._target.wait("all to be gone", lambda: not self.left(), 60, lambda: f"{self.left()}")

    def left(self) -> list[str]:
        """The topics, streams and objects of the run that exist."""
        found = sorted(self.topics & self._all_topics())
        found += sorted(self.streams & self._all_streams())
        for bucket, prefix in self.folders:
            found += [f"s3://{bucket}/{key}" for key in self._keys(bucket, prefix)]
        return found

    def _remove_topics(self) -> None:
        topics = sorted(self.topics & self._all_topics())
        for removed in (self._admin.delete_topics(topics) if topics else {}).values():
            removed.result(LIMIT * self._target.patience)

    def _remove_stream(self, stream: str) -> None:
        if stream in self._all_streams():
            self._kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)

    def _remove_objects(self, bucket: str, prefix: str) -> None:
        keys = list(self._keys(bucket, prefix))
        for start in range(0, len(keys), MOST_OBJECTS):
            some = [{"Key": key} for key in keys[start : start + MOST_OBJECTS]]
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True})
            if answer.get("Errors"):
                raise RuntimeError(f"bucket {bucket}: {answer['Errors']}")

    def _is_active(self, stream: str) -> bool:
        answer = self._kinesis.describe_stream_summary(StreamName=stream)
        return answer["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"

    def _all_topics(self) -> set[str]:
        try:
            return set(self._admin.list_topics(timeout=LIMIT * self._target.patience).topics)
        except KafkaException as error:
            servers = self._target.deployed.kafka_bootstrap_servers
            raise RuntimeError(f"Kafka at {servers}: {error.args[0].str()}") from error

    def _all_streams(self) -> set[str]:
        pages = self._kinesis.get_paginator("list_streams").paginate()
        return {name for page in pages for name in page["StreamNames"]}

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return (item["Key"] for page in pages for item in page.get("Contents", ()))

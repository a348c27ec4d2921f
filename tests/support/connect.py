"""The real services for tests of the sink: broker, LocalStack and Connect workers."""

import subprocess
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Producer

from contract import names
from contract.entities import Entity
from contract.settings import Settings
from hops.access import Access
from services.connect.rest import Worker
from tests.support import ROOT
from tests.support.waiting import wait_for

STORED_WITHIN = 30.0
"""Seconds within which a record is in S3, or in the dead-letter topic."""

BROKER, CONTROLLER, WORKER, GATEWAY, KINESIS = (f"127.0.0.1:{23040 + n}" for n in range(5))


def environment(user_id: str) -> dict[str, str]:
    """Return the environment of all services, as docker-compose.yml sets it."""
    return {
        "USER_ID": user_id,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{GATEWAY}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "GATEWAY_LISTEN": GATEWAY,
        "KINESIS_LISTEN": KINESIS,
        "KAFKA_LISTEN": BROKER,
        "KAFKA_CONTROLLER_LISTEN": CONTROLLER,
        "KAFKA_BOOTSTRAP_SERVERS": BROKER,
        "CONNECT_LISTEN": WORKER,
        "CONNECT_URL": f"http://{WORKER}",
    }


@dataclass
class Cluster:
    """A Connect worker of one version, with topics and a bucket of its own."""

    user_id: str
    environment: dict[str, str]

    def __post_init__(self) -> None:
        self.settings = Settings.from_environ(self.environment)
        self.worker = Worker.of(self.settings)
        self.s3: Any = Access(self.environment).s3
        self.producer = Producer({"bootstrap.servers": BROKER})

    def one_shot(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a script of the project to its end."""
        return subprocess.run(
            [ROOT / command[0], *command[1:]],
            env=self.environment | more,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def send(self, entity: Entity, *values: bytes | None) -> list[int]:
        """Produce records without a key; return their offsets."""
        offsets: list[int] = []
        for value in values:
            self.producer.produce(
                names.topic(self.user_id, entity),
                value,
                on_delivery=lambda error, message: offsets.append(message.offset()),
            )
        assert self.producer.flush(30) == 0
        return offsets

    def objects(self, entity: Entity, folder: str = "topics") -> dict[str, bytes]:
        """Return the objects that the sink has stored of an entity, by key."""
        prefix = names.topic_prefix(names.topic(self.user_id, entity))
        prefix = f"{folder}/{prefix.split('/', 1)[1]}"
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.settings.bucket, Prefix=prefix
        )
        keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
        return {
            key: self.s3.get_object(Bucket=self.settings.bucket, Key=key)["Body"].read()
            for key in keys
        }

    def stored(self, entity: Entity, lines: int, folder: str = "topics") -> dict[str, bytes]:
        """Wait until ``lines`` lines of an entity are stored; return its objects."""

        def enough() -> dict[str, bytes] | None:
            found = self.objects(entity, folder)
            return found if sum(body.count(b"\n") for body in found.values()) >= lines else None

        return wait_for(
            f"{lines} lines of {entity.name}",
            enough,
            STORED_WITHIN,
            0.2,
            state=lambda: f"{self.objects(entity)}, {self.worker.status(self.connector)}",
        )

    @property
    def connector(self) -> str:
        """Name of the connector under test."""
        return f"{self.user_id}-s3-sink"

    def dead_letters(
        self, count: int, topic: str | None = None
    ) -> dict[int, tuple[bytes | None, str]]:
        """Wait for ``count`` dead letters; return value and reason by offset of the record."""
        consumer = Consumer(
            {
                "bootstrap.servers": BROKER,
                "group.id": f"{self.user_id}-reader",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([topic or names.dead_letter_topic(self.user_id)])
        found: dict[int, tuple[bytes | None, str]] = {}

        def enough() -> bool:
            message = consumer.poll(0.2)
            if message is not None and message.error() is None:
                headers = dict(message.headers() or [])
                offset = int(headers["__connect.errors.offset"])
                reason = headers["__connect.errors.exception.message"].decode()
                found[offset] = (message.value(), reason)
            return len(found) >= count

        try:
            wait_for(f"{count} dead letters", enough, STORED_WITHIN, 0, lambda: str(found))
        finally:
            consumer.close()
        return found

    def original(self, **more: str) -> dict[str, str]:
        """Return the 13 properties of the original with another class, and those in ``more``."""
        return {
            "connector.class": "io.github.pinterestpipeline.connect.s3.S3SinkConnector",
            "s3.region": "us-east-1",
            "flush.size": "1",
            "schema.compatibility": "NONE",
            "tasks.max": "3",
            "topics.regex": f"{self.user_id}.*",
            "format.class": "io.confluent.connect.s3.format.json.JsonFormat",
            "partitioner.class": "io.confluent.connect.storage.partitioner.DefaultPartitioner",
            "value.converter.schemas.enable": "false",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "storage.class": "io.confluent.connect.s3.storage.S3Storage",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "s3.bucket.name": self.settings.bucket,
        } | {name.replace("_", "."): value for name, value in more.items()}


def topics_and_bucket(cluster: Cluster) -> None:
    """Create the topics that the connector reads and the bucket that it writes to."""
    done = cluster.one_shot("services/kafka/topics.sh")
    assert done.returncode == 0, done.stderr
    cluster.s3.create_bucket(Bucket=cluster.settings.bucket)

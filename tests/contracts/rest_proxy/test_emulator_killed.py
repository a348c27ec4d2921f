"""The emulator is killed ten times: each drawn row is in its topic after the next start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from contract import names
from contract.entities import ENTITIES
from emulator.dataset.load import load
from tests.support import ROOT
from tests.support.emulator import kill_ten_times
from tests.support.rest_proxy import BROKER, Proxy, create_topic

USER_ID = "0123456789ab"


def keys_in(topic: str, key: str) -> list[int]:
    """The keys of all records of a topic with one partition."""
    consumer = Consumer({"bootstrap.servers": BROKER, "group.id": "none"})
    try:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=10)
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[int] = []
        while len(found) < end:
            for message in consumer.consume(end - len(found), timeout=10):
                found.append(json.loads(message.value() or b"")[key])
        return found
    finally:
        consumer.close()


@pytest.mark.slow
def test_ten_kills_lose_no_drawn_row(proxy: Proxy, tmp_path: Path) -> None:
    topics = {entity: create_topic(names.topic(USER_ID, entity)) for entity in ENTITIES}
    source, outbox = f"sqlite:///{tmp_path}/posts.db", tmp_path / "outbox.db"
    load(source)
    program = [sys.executable, "-m", "emulator.user_posting_emulation"]

    def start(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*program, "--rate", "max", "--batch-size", "3", "--in-flight", "4", *options],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "USER_ID": USER_ID,
                "SOURCE_DATABASE_URL": source,
                "GATEWAY_INVOKE_URL": f"http://127.0.0.1:{proxy.port}",
                "EMULATOR_OUTBOX": str(outbox),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    kill_ten_times(
        start, outbox, lambda: {e.name: keys_in(topic, e.key) for e, topic in topics.items()}
    )

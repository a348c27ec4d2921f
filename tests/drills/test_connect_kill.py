"""Connect is killed, suspended and resumed, and S3 is killed: S3 has each record once."""

from __future__ import annotations

import json
import signal
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer

from contract import names
from contract.settings import Settings
from contract.wire import dumps
from hops import connect, objects
from hops.access import Access
from services.connect.config import connector_name
from services.connect.rest import ConnectError, Worker
from tests.conftest import Stack
from tests.support.program import Program
from tests.support.waiting import wait_for

RATE = 400
"""Records a second, over all topics."""
TICK = 0.05
"""Seconds between two batches of records."""


@dataclass
class Load:
    """Sends numbered records to the three topics in turn, until it is stopped."""

    settings: Settings
    sent: int = 0
    """Number of records sent, and number of the next one."""
    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    """A name in each record, because other tests use the same topics."""
    failed: list[str] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._send)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and wait until the broker has all records."""
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


class Bucket:
    """The records in the stack's bucket."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lines: dict[str, list[Any]] = {}  # by key: an object never changes

    def count(self, load: Load) -> tuple[Counter[int], list[str]]:
        """Count each number, and list objects that begin before the end of the previous one."""
        copies: Counter[int] = Counter()
        overlaps = []
        for topic in names.topics(load.settings.user_id):
            end = 0
            for found in objects.listing(self._access, topic):
                if found.key not in self._lines:
                    read = objects.read(self._access, found).lines
                    self._lines[found.key] = [json.loads(line) for line in read]
                lines, start = self._lines[found.key], found.position.start_offset
                if start < end:
                    overlaps.append(f"{found.key}, behind {end}")
                end = start + len(lines)
                ours = (line for line in lines if isinstance(line, dict))
                copies.update(line["number"] for line in ours if line.get("load") == load.name)
        return copies, overlaps

    def check(self, load: Load) -> None:
        """Wait for all records; check that each is stored once and no objects overlap."""

        def missing() -> int:
            return load.sent - len(self.count(load)[0])

        wait_for(
            "every record to be in S3",
            lambda: missing() == 0,
            60,
            0.5,
            lambda: f"{missing()} of {load.sent} missing",
        )
        copies, overlaps = self.count(load)
        assert [number for number, count in copies.items() if count > 1] == []
        assert overlaps == []
        assert copies.total() == load.sent

    def wait_for_more(self, load: Load, more: int) -> None:
        """Wait until the bucket has ``more`` records more than now."""

        def total() -> int:
            return self.count(load)[0].total()

        goal = total() + more
        wait_for(f"{goal} records in S3", lambda: total() >= goal, 60, 0.2)


SECOND_WORKER = "127.0.0.1:23060"


@pytest.fixture
def bucket(access: Access) -> Bucket:
    return Bucket(access)


def test_three_kills_lose_and_duplicate_no_record(stack: Stack, bucket: Bucket) -> None:
    with Load(stack.settings) as load:
        for _ in range(3):
            bucket.wait_for_more(load, 600)
            stack.kill("connect")
            stack.start("connect")
        bucket.wait_for_more(load, 600)
    bucket.check(load)


def test_the_sink_survives_a_kill_of_s3(stack: Stack, bucket: Bucket, access: Access) -> None:
    with Load(stack.settings) as load:
        bucket.wait_for_more(load, 400)
        stack.kill("localstack")
        stack.start("localstack")  # for a moment there is no bucket
        bucket.wait_for_more(load, 1000)
    Bucket(access).check(load)  # a new one, which has cached no object
    assert stack.sink_states() == {"RUNNING"}


@pytest.fixture
def second_worker(stack: Stack, tmp_path: Path) -> Iterator[Worker]:
    """Another worker of the same cluster."""
    variables = {
        "CONNECT_LISTEN": SECOND_WORKER,
        "CONNECT_ADVERTISED": SECOND_WORKER,
        "RUN_DIR": str(tmp_path),
    }
    how = stack.engine.one_shot("connect", (), variables)
    worker = Worker(f"http://{SECOND_WORKER}", connect.password(stack.engine), timeout=5)

    def responds() -> bool:
        with suppress(ConnectError):
            return bool(worker.plugins())
        return False

    with Program([*how.command], how.environment, tmp_path / "log") as program:
        program.launch()
        program.wait("it responds", responds, 60)
        yield worker
        program.stop()
    # A worker that kept its tasks while another one had them, too, does not report again that they
    # run: the state from the other worker would remain.
    stack.stop("connect")
    stack.start("connect")


@pytest.mark.processes
def test_a_suspended_worker_that_resumes_duplicates_no_record(
    stack: Stack, bucket: Bucket, second_worker: Worker
) -> None:
    suspended = [psutil.Process(stack.pid("connect"))]
    suspended += suspended[0].children(recursive=True)

    def tasks_of_second() -> int:
        with suppress(ConnectError):
            tasks = second_worker.status(connector_name(stack.settings))["tasks"]
            running = [task for task in tasks if task["state"] == "RUNNING"]
            return sum(task["worker_id"] == SECOND_WORKER for task in running)
        return 0

    log = Path(stack.variables["RUN_DIR"], "logs/connect.log")

    def joined() -> int:
        """Return how often the first worker has joined its group."""
        return log.read_text().count("Joined group at generation")

    with Load(stack.settings) as load:
        bucket.wait_for_more(load, 400)
        before = joined()
        for process in suspended:
            process.send_signal(signal.SIGSTOP)
        try:
            wait_for("the second worker to have all tasks", lambda: tasks_of_second() == 3, 60)
            bucket.wait_for_more(load, 1000)
        finally:
            for process in suspended:
                process.send_signal(signal.SIGCONT)
        bucket.wait_for_more(load, 400)
        wait_for("the first worker to join again", lambda: joined() > before, 60)
        bucket.wait_for_more(load, 1000)
    bucket.check(load)

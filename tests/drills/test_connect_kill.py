"""Kafka Connect is killed, frozen and woken while records arrive: S3 has each of them once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from stack.waiting import wait_for
from tests.drills.connect_load import Bucket, Load

SECOND_WORKER = "127.0.0.1:23060"


@pytest.fixture(scope="module")
def bucket(stack: Any) -> Iterator[Bucket]:
    made = Bucket(stack.settings)
    yield made
    made.s3.close()


def test_kill_9_three_times_loses_and_doubles_nothing(stack: Any, bucket: Bucket) -> None:
    with Load(stack.settings) as load:
        for _ in range(3):
            bucket.wait_for_more(load, 600)
            stack.kill("connect")
            stack.start("connect")
        bucket.wait_for_more(load, 600)
    found = bucket.wait_for_all(load, range(load.sent))
    assert found.duplicated() == []
    assert found.overlaps() == []
    assert found.copies.total() == load.sent


@pytest.fixture
def second_worker(stack: Any, tmp_path: Path) -> Iterator[str]:
    """Another worker of the same cluster."""
    process: subprocess.Popen[str] = stack.spawn(
        "connect",
        environment={
            "CONNECT_LISTEN": SECOND_WORKER,
            "CONNECT_ADVERTISED": SECOND_WORKER,
            "RUN_DIR": str(tmp_path),
        },
    )
    output = [process.stdout, process.stderr]
    drains = [threading.Thread(target=stream.read) for stream in output if stream]
    for drain in drains:
        drain.start()
    try:
        wait_for("the second worker", lambda: _answers(process), 60)
        yield SECOND_WORKER
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        for drain in drains:
            drain.join()
        for stream in output:
            if stream:
                stream.close()
        # A worker that has kept its tasks while another had them, too, doesn't tell again that
        # they run: their state would stay what the other has said of them.
        stack.stop("connect")
        stack.start("connect")


def _answers(process: subprocess.Popen[str]) -> bool:
    assert process.poll() is None, "the second worker has ended"
    try:
        return requests.get(f"http://{SECOND_WORKER}/connectors", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.mark.processes
def test_a_frozen_worker_that_wakes_up_doubles_nothing(
    stack: Any, bucket: Bucket, second_worker: str
) -> None:
    name = f"{stack.settings.user_id}-s3-sink"
    frozen = [psutil.Process(stack.pid("connect"))]
    frozen += frozen[0].children(recursive=True)

    def tasks_of_second() -> int:
        try:
            status = requests.get(f"http://{second_worker}/connectors/{name}/status", timeout=5)
            tasks = status.json().get("tasks", [])
        except requests.RequestException:
            return 0
        running = [task for task in tasks if task["state"] == "RUNNING"]
        return sum(task["worker_id"] == second_worker for task in running)

    log = Path(stack.variables["RUN_DIR"], "logs/connect.log")

    def joined() -> int:
        """How often the first worker has come into its group."""
        return log.read_text().count("Joined group at generation")

    with Load(stack.settings) as load:
        bucket.wait_for_more(load, 400)
        before = joined()
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        try:
            wait_for("the second worker to have all tasks", lambda: tasks_of_second() == 3, 60)
            bucket.wait_for_more(load, 1000)
        finally:
            for process in frozen:
                process.send_signal(signal.SIGCONT)
        bucket.wait_for_more(load, 400)
        wait_for("the first worker to join again", lambda: joined() > before, 60)
        bucket.wait_for_more(load, 1000)
    found = bucket.wait_for_all(load, range(load.sent))
    assert found.duplicated() == []
    assert found.overlaps() == []
    assert found.copies.total() == load.sent

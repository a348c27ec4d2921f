"""`pinpipe` on the running stack: trace, status, signals, and the stacks of other checkouts."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from contract import names
from contract.entities import ENTITIES, PIN
from hops import kafka
from hops.access import Access
from services.connect.rest import Worker
from tests.conftest import Stack
from tests.support import ROOT
from tests.support.waiting import wait_for

BROKEN = "sink-without-a-login"
LOGIN = {"consumer.override.security.protocol": "SASL_PLAINTEXT"}
"""Makes each task fail at its start, as it has no login."""


def status(stack: Stack) -> list[dict[str, Any]]:
    """Output of `pinpipe status`, a row for each service and failed connector."""
    found: list[dict[str, Any]] = json.loads(stack.pinpipe("status", "--json").stdout)
    return found


def failed(stack: Stack) -> dict[str, str]:
    """Reason of each service and connector that `pinpipe status` reports as failed."""
    return {row["service"]: row["reason"] for row in status(stack) if row["state"] == "failed"}


def test_status_names_a_failed_task_with_its_cause(stack: Stack) -> None:
    assert stack.pinpipe("status").returncode == 0
    password = stack.pinpipe("password", "connect").stdout.strip()
    worker = Worker(stack.settings.connect_url, password)
    config = worker.config(f"{stack.settings.user_id}-s3-sink")
    assert config is not None
    worker.configure(BROKEN, {**config, **LOGIN, "name": BROKEN, "tasks.max": "1"})
    try:
        name = f"connector {BROKEN}"
        reason = wait_for("the task to fail", lambda: failed(stack).get(name), 60, 1)
        assert reason.startswith("task 0: ")
        assert "java.lang.IllegalArgumentException: Could not find a 'KafkaClient' entry" in reason
        assert "\n" not in reason
        done = stack.pinpipe("status")
        assert done.returncode == 1
        assert BROKEN in done.stdout
    finally:
        worker.delete(BROKEN)
    wait_for("every service to be healthy", lambda: stack.pinpipe("status").returncode == 0, 60, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_pinpipe_stops_the_emulator_without_losses(
    stack: Stack, number: signal.Signals
) -> None:
    topic = names.topic(stack.settings.user_id, PIN)

    def records() -> int:
        return sum(kafka.offsets(Access(stack.environment), topic)[1].values())

    before = records()
    with subprocess.Popen(
        (sys.executable, "-m", "pinpipe.cli", "emulate", "batch", "--rate", "5", "--json"),
        cwd=ROOT,
        env=stack.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for("records", lambda: process.poll() is not None or records() > before, 60)
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    counts = json.loads(stdout)
    assert (counts["signal"], counts["failed"]) == (number.name, 0)
    assert running_emulators(stack) == []


def running_emulators(stack: Stack) -> list[str]:
    """Emulators of this stack, as processes or containers."""
    if stack.variables["ENGINE"] == "native":
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                ours = process.environ().get("RUN_DIR") == stack.variables["RUN_DIR"]
            except psutil.Error:
                continue
            if ours and "emulator.user_posting_emulation" in words:
                found.append(str(process.pid))
        return found
    return stack.containers("emulator", "--all")


@pytest.mark.parametrize("command", ["results", "trace 1", "watch --once", "emulate batch"])
def test_another_checkout_does_not_touch_this_stack(
    stack: Stack, tmp_path: Path, command: str
) -> None:
    other = {"RUN_DIR": str(tmp_path), "COMPOSE_PROJECT_NAME": f"pinterest-other-{os.getpid()}"}
    done = stack.pinpipe(*command.split(), environment=other)
    assert done.returncode == 1
    assert " of this stack does not listen on port " in done.stderr
    assert " does, for another stack: choose other ports in .env" in done.stderr
    assert done.stdout == ""


def test_trace_names_the_first_hop_without_the_row(stack: Stack) -> None:
    first, key = 3000, 9655  # a draw that no other test sends

    def hops() -> dict[str, list[tuple[str, bool]]]:
        done = stack.pinpipe("trace", str(key), "--json")
        found: dict[str, list[tuple[str, bool]]] = {}
        for finding in json.loads(done.stdout):
            found.setdefault(finding["entity"], []).append((finding["hop"], finding["found"]))
        complete = all(reached for row in found.values() for _, reached in row)
        assert done.returncode == (0 if complete else 1)
        return found

    def expect(*reached: str, stop: str | None) -> dict[str, list[tuple[str, bool]]]:
        hops = [(hop, True) for hop in reached] + ([(stop, False)] if stop else [])
        return {entity.name: hops for entity in ENTITIES}

    assert hops() == expect("source", stop="gateway")
    stack.kill("connect")
    try:
        stack.run("emulator", "--count", "1", "--start", str(first), "--rate", "max")
        assert hops() == expect("source", "gateway", "kafka", stop="s3")
    finally:
        stack.start("connect")
    stored = expect("source", "gateway", "kafka", "s3", stop="delta")
    wait_for("the sink to store the rows", lambda: hops() == stored, 60)
    stack.run("spark")
    assert hops() == expect("source", "gateway", "kafka", "s3", "delta", stop=None)


def test_status_shows_a_killed_service(stack: Stack) -> None:
    def states() -> dict[str, str]:
        return {row["service"]: row["state"] for row in status(stack)}

    assert set(states().values()) <= {"healthy", "completed", "skipped"}
    assert stack.pinpipe("status").returncode == 0
    stack.kill("rest-proxy")
    try:
        assert states()["rest-proxy"] == "ended"
        assert stack.pinpipe("status").returncode == 1
    finally:
        stack.start("rest-proxy")
    assert states()["rest-proxy"] == "healthy"


def test_demo_names_the_hop_that_lost_rows(stack: Stack) -> None:
    # Two posts fill no object, and an object that spans an hour isn't stored in three seconds.
    withheld = {"S3_SINK_FLUSH_SIZE": "1000", "S3_SINK_ROTATE_INTERVAL_MS": "3600000"}
    try:
        done = stack.pinpipe("demo", "--posts", "2", "--wait", "3", environment=withheld)
    finally:
        stack.run("connector")
    assert done.returncode == 1
    assert "s3: waited 3 s for every record to be in an object; pin 0 of 2" in done.stderr
    assert "kafka" in done.stdout

"""What `pinpipe` does on the running stack: states, signals, and which stack it acts on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from contract import names
from contract.entities import PIN
from services.connect.rest import Worker
from stack.hops import kafka
from stack.hops.access import Access
from stack.waiting import wait_for
from tests.conftest import ROOT

if TYPE_CHECKING:
    from tests.conftest import Stack

BROKEN = "sink-without-a-login"
LOGIN = {"consumer.override.security.protocol": "SASL_PLAINTEXT"}
"""Ends each task at its start, as it does not say how to log in."""


def failed(stack: Stack) -> dict[str, str]:
    """Reason of each service and connector that `pinpipe status` reports as failed."""
    found = json.loads(stack.pinpipe("status", "--json").stdout)
    return {row["service"]: row["reason"] for row in found if row["state"] == "failed"}


def test_status_names_a_failed_task_with_its_cause(stack: Stack) -> None:
    assert stack.pinpipe("status").returncode == 0
    worker = Worker(stack.settings.connect_url)
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
    wait_for("all to be well", lambda: stack.pinpipe("status").returncode == 0, 60, 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_pinpipe_ends_the_emulator_in_good_order(
    stack: Stack, number: signal.Signals
) -> None:
    topic = names.topic(stack.settings.user_id, PIN)

    def records() -> int:
        return sum(kafka.offsets(Access(stack.environment), topic)[1].values())

    before = records()
    with subprocess.Popen(
        (sys.executable, "-m", "stack.cli", "emulate", "batch", "--rate", "5", "--json"),
        cwd=ROOT,
        env=stack.variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_for("it to send", lambda: process.poll() is not None or records() > before, 60)
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
    project = f"label=com.docker.compose.project={stack.variables['COMPOSE_PROJECT_NAME']}"
    filters = ("--filter", project, "--filter", "label=com.docker.compose.service=emulator")
    command = ("docker", "ps", "--all", "--quiet", *filters)
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize("command", ["results", "trace 1", "watch --once", "emulate batch"])
def test_another_checkout_leaves_this_stack_alone(
    stack: Stack, tmp_path: Path, command: str
) -> None:
    other = {"RUN_DIR": str(tmp_path), "COMPOSE_PROJECT_NAME": f"pinterest-other-{os.getpid()}"}
    done = stack.pinpipe(*command.split(), environment=other)
    assert done.returncode == 1
    assert " of this stack does not listen on port " in done.stderr
    assert " does, for another stack: choose other ports in .env" in done.stderr
    assert done.stdout == ""

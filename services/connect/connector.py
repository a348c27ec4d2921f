"""Creates or updates the S3 sink connector, and waits until it and its tasks work.

Idempotent: the same configuration again changes nothing. With ``--print`` it only
prints the configuration, which is what MSK Connect takes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contract import names
from contract.program import exit_status
from contract.settings import Settings
from services.connect.config import connector_config, connector_name
from services.connect.rest import ConnectError, Worker
from services.kafka_client.login import Watch, client_settings

T = TypeVar("T")

LIMIT = 90.0
"""Seconds to wait for the connector."""
INTERVAL = 0.2
"""Seconds between two looks."""
REBALANCING = 409
"""Status with which a worker answers while its group rebalances."""


def refuse_errors(worker: Worker, name: str, config: dict[str, str]) -> None:
    """Have the configuration validated.

    Raises:
        ConnectError: it has errors; the message has a line for each.
    """
    errors = worker.validate({"name": name, **config})
    if errors:
        lines = [f"  {name}: {error}" for name, found in errors.items() for error in found]
        raise ConnectError("\n".join(["the connector's configuration is refused:", *lines]))


def wait_until_running(worker: Worker, name: str, tasks: int, deadline: float) -> dict[str, Any]:
    """Wait until the connector and all of its ``tasks`` run; restart what has failed, once.

    Raises:
        ConnectError: it has failed twice, or the deadline (of ``time.monotonic``) has passed.
    """
    restarted = False

    def running() -> dict[str, Any] | None:
        nonlocal restarted
        status = worker.status(name)
        parts = [status["connector"], *status["tasks"]]
        failed = [part for part in parts if part["state"] == "FAILED"]
        if failed and restarted:
            raise PermanentError(describe(status))
        if failed:
            print(f"restarting {describe(status)}", file=sys.stderr)
            worker.restart_failed(name)
            restarted = True
            return None
        states = {part["state"] for part in parts}
        return status if states == {"RUNNING"} and len(status["tasks"]) == tasks else None

    return _wait(running, f"connector {name} with {tasks} tasks to be RUNNING", deadline)


def wait_until_assigned(settings: Settings, group: str, topics: set[str], deadline: float) -> None:
    """Wait until the consumers of ``group`` have shared out all ``topics``.

    Raises:
        ConnectError: the deadline has passed.
        LoginError: Kafka refuses the login.
    """
    watch = Watch(settings)
    admin = AdminClient(client_settings(settings) | {"error_cb": watch, "log_level": 0})

    def assigned() -> bool | None:
        try:
            described = admin.describe_consumer_groups([group])[group].result(10)
        except KafkaException as error:
            admin.poll(0)  # the reason of a failed connection arrives here
            if watch.refused is not None:
                raise watch.refused from error
            raise ConnectError(f"consumer group {group}: {error.args[0].str()}") from error
        taken = {
            partition.topic
            for member in described.members
            for partition in member.assignment.topic_partitions
        }
        return True if topics <= taken else None

    _wait(assigned, f"group {group} to be assigned {', '.join(sorted(topics))}", deadline)


class PermanentError(ConnectError):
    """Waiting longer would not help."""


def _wait(look: Callable[[], T | None], awaited: str, deadline: float) -> T:
    last = "it was not there yet"
    while True:
        try:
            found = look()
            if found is not None:
                return found
        except PermanentError:
            raise
        except ConnectError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise ConnectError(f"waited {LIMIT:.0f} s for {awaited}: {last}")
        time.sleep(INTERVAL)


def describe(status: dict[str, Any]) -> str:
    """Return a line on the connector and each task; a failed one with the cause at its root."""
    parts = [("connector", status["connector"])]
    parts += [(f"task {task['id']}", task) for task in status["tasks"]]
    return f"{status['name']}: " + ", ".join(_part(label, part) for label, part in parts)


def _part(label: str, part: dict[str, Any]) -> str:
    trace = str(part.get("trace") or "").strip().splitlines()
    causes = [line.strip() for line in trace if line.startswith("Caused by: ")] or trace[:1]
    return f"{label} {part['state']}" + (f" ({causes[-1]})" if causes else "")


def set_up(settings: Settings) -> str:
    """Create or update the connector, wait for it, and return a line on its state.

    Raises:
        ConnectError: the worker is not there, refuses the configuration, or the connector doesn't
            come to work in time.
        LoginError: Kafka refuses the login.
    """
    deadline = time.monotonic() + LIMIT
    worker = Worker(settings.connect_url)
    name, config = connector_name(settings), connector_config(settings)
    refuse_errors(worker, name, config)

    def configured() -> bool | None:
        try:
            if worker.config(name) != {"name": name, **config}:
                worker.configure(name, config)
        except ConnectError as error:
            if error.status == REBALANCING:
                raise
            raise PermanentError(str(error)) from error
        return True

    _wait(configured, f"the worker to take the configuration of {name}", deadline)
    status = wait_until_running(worker, name, int(config["tasks.max"]), deadline)
    topics = set(names.topics(settings.user_id))
    wait_until_assigned(settings, f"connect-{name}", topics, deadline)
    return describe(status)


def main(arguments: list[str]) -> int:
    """Return the exit status; what was done is on stderr."""

    def run() -> None:
        settings = Settings.from_environ()
        if arguments == ["--print"]:
            print(json.dumps(connector_config(settings), indent=2))
        elif arguments:
            raise ConnectError(f"{' '.join(arguments)}: the one argument there is, is --print")
        else:
            print(set_up(settings), file=sys.stderr)

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

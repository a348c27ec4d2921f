"""Creates or updates the S3 sink connector, and waits until it and its tasks run.

Idempotent: the same configuration again changes nothing. With ``--print`` it only prints the
configuration, in the form that MSK Connect takes.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contract.program import exit_status
from contract.settings import Settings
from services.connect.config import connector_config, connector_name
from services.connect.rest import ConnectError, Worker
from services.kafka_client.login import LoginWatch, client_settings

T = TypeVar("T")

LIMIT = 90.0
"""Seconds to wait for the connector."""
INTERVAL = 0.2
"""Seconds between two attempts."""
REBALANCING = 409
"""Status with which a worker answers while its group rebalances."""


def validate(worker: Worker, name: str, config: dict[str, str]) -> None:
    """Let the worker validate the configuration.

    Raises:
        ConnectError: the configuration has errors; the message has a line for each.
    """
    errors = worker.validate({"name": name, **config})
    if errors:
        lines = [f"  {name}: {error}" for name, found in errors.items() for error in found]
        raise ConnectError("\n".join(["the connector's configuration is refused:", *lines]))


def wait_until_running(worker: Worker, name: str, tasks: int, deadline: float) -> dict[str, Any]:
    """Wait until the connector and all of its ``tasks`` run; restart failed ones once.

    Raises:
        ConnectError: one failed after the restart, or the deadline (of ``time.monotonic``) passed.
    """
    restarted = False

    def running() -> dict[str, Any] | None:
        nonlocal restarted
        status = worker.status(name)
        states = {each["state"] for each in (status["connector"], *status["tasks"])}
        if "FAILED" in states and restarted:
            raise PermanentError(describe(status))
        if "FAILED" in states:
            print(f"restarting {describe(status)}", file=sys.stderr)
            worker.restart_failed(name)
            restarted = True
            return None
        return status if states == {"RUNNING"} and len(status["tasks"]) == tasks else None

    return _wait(running, f"connector {name} with {tasks} tasks to be RUNNING", deadline)


def wait_until_assigned(settings: Settings, group: str, topics: set[str], deadline: float) -> None:
    """Wait until all ``topics`` are assigned to consumers of ``group``.

    Raises:
        ConnectError: the deadline passed.
        LoginError: Kafka refuses the login.
    """
    watch = LoginWatch(settings)
    admin = AdminClient(client_settings(settings) | {"error_cb": watch, "log_level": 0})

    def assigned() -> bool | None:
        try:
            description = admin.describe_consumer_groups([group])[group].result(10)
        except KafkaException as error:
            admin.poll(0)  # the reason of a failed connection arrives here
            if watch.refused is not None:
                raise watch.refused from error
            raise ConnectError(f"consumer group {group}: {error.args[0].str()}") from error
        found = {
            partition.topic
            for member in description.members
            for partition in member.assignment.topic_partitions
        }
        return True if topics <= found else None

    _wait(assigned, f"group {group} to be assigned {', '.join(sorted(topics))}", deadline)


class PermanentError(ConnectError):
    """An error that does not pass with time."""


def _wait(attempt: Callable[[], T | None], awaited: str, deadline: float) -> T:
    last = "it was not there yet"
    while True:
        try:
            result = attempt()
            if result is not None:
                return result
        except PermanentError:
            raise
        except ConnectError as error:
            last = str(error)
        if time.monotonic() > deadline:
            raise ConnectError(f"waited {LIMIT:.0f} s for {awaited}: {last}")
        time.sleep(INTERVAL)


def describe(status: dict[str, Any]) -> str:
    """Return the states of the connector and of each task in a line, failures with their cause."""
    states = [_state("connector", status["connector"])]
    states += [_state(f"task {task['id']}", task) for task in status["tasks"]]
    return f"{status['name']}: {', '.join(states)}"


def _state(label: str, status: dict[str, Any]) -> str:
    trace = str(status.get("trace") or "").strip().splitlines()
    causes = [line.strip() for line in trace if line.startswith("Caused by: ")] or trace[:1]
    return f"{label} {status['state']}" + (f" ({causes[-1]})" if causes else "")


def set_up(settings: Settings) -> str:
    """Create or update the connector, wait for it, and return a line on its state.

    Raises:
        ConnectError: the worker does not answer, refuses the configuration, or the connector does
            not run in time.
        LoginError: Kafka refuses the login.
    """
    deadline = time.monotonic() + LIMIT
    worker = Worker.of(settings)
    name, config = connector_name(settings), connector_config(settings)
    validate(worker, name, config)

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
    wait_until_assigned(settings, f"connect-{name}", set(settings.topics), deadline)
    return describe(status)


def main(arguments: list[str]) -> int:
    """Return the exit status; stderr has the connector's state."""

    def run() -> None:
        settings = Settings.from_environ()
        if arguments == ["--print"]:
            print(json.dumps(connector_config(settings), indent=2))
        elif arguments:
            raise ConnectError(f"{' '.join(arguments)}: the only argument is --print")
        else:
            print(set_up(settings), file=sys.stderr)

    return exit_status(run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Hop 6, Kafka Connect (MSK Connect on AWS): the connectors that have failed, with the cause."""

from collections.abc import Iterator
from typing import Any

import requests

from hops.access import Access, ServiceFiles
from hops.errors import hop_errors

HOP = "connect"
USER = "connect"
PASSWORD = "data/connect_password/password"
"""File below the run folder with the password that the first start has generated."""
TIMEOUT = 10.0
"""Seconds until a response; a worker sends none while its group rebalances."""


def password(files: ServiceFiles) -> str:
    """The password of the user ``connect`` at the worker's REST API."""
    return files.read(HOP, PASSWORD).strip()


def failures(access: Access, password: str) -> Iterator[tuple[str, str]]:
    """Name and cause of each connector that has failed itself or by one of its tasks.

    Raises:
        HopError: the worker doesn't respond.
    """
    url = f"{access.settings.connect_url}/connectors?expand=status"
    with hop_errors(HOP, url, requests.RequestException, ValueError):
        answer = requests.get(url, timeout=TIMEOUT, auth=(USER, password))
        answer.raise_for_status()
        connectors: dict[str, Any] = answer.json()
    for name, found in sorted(connectors.items()):
        status = found["status"]
        states = [("connector", status["connector"])]
        states += [(f"task {task['id']}", task) for task in status["tasks"]]
        failed = [f"{part}: {_cause(s)}" for part, s in states if s["state"] == "FAILED"]
        if failed:
            yield name, "; ".join(failed)


def _cause(status: dict[str, Any]) -> str:
    """First line of the innermost cause in a stack trace."""
    lines = str(status.get("trace") or "no trace").strip().splitlines()
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines)[-1 if causes else 0]

"""Hop 6, the S3 sink: how the connectors of the Kafka Connect worker stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from hops.access import Access
from hops.errors import hop_errors

HOP = "connect"
TIMEOUT = 10.0
"""Seconds for an answer; a worker answers none while its group rebalances."""


def failures(access: Access) -> Iterator[tuple[str, str]]:
    """Name of each connector that has failed, or one of whose tasks has, with the cause.

    Raises:
        HopError: the worker doesn't answer.
    """
    url = f"{access.settings.connect_url}/connectors?expand=status"
    with hop_errors(HOP, url, requests.RequestException, ValueError):
        answer = requests.get(url, timeout=TIMEOUT)
        answer.raise_for_status()
        connectors: dict[str, Any] = answer.json()
    for name, found in sorted(connectors.items()):
        status = found["status"]
        parts = [("connector", status["connector"])]
        parts += [(f"task {task['id']}", task) for task in status["tasks"]]
        failed = [f"{part}: {_cause(s)}" for part, s in parts if s["state"] == "FAILED"]
        if failed:
            yield name, "; ".join(failed)


def _cause(status: dict[str, Any]) -> str:
    """First line of the innermost cause in a trace."""
    lines = str(status.get("trace") or "no trace").strip().splitlines()
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    return (causes or lines)[-1 if causes else 0]

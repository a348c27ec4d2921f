"""Hop 3, the gateway: the emulator's requests and their answers, from its journal.

``emulator/delivery/journal.py`` describes the lines. Of a file that was filled up and
renamed, the newest comes last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hops.errors import HopError

HOP = "gateway"
_POSITION = ("partition", "offset", "shard", "sequence_number")


@dataclass(frozen=True, slots=True)
class Response:
    """What became of one row in one request."""

    time: str
    method: str
    url: str
    status: int | None
    """None when nothing was answered."""
    position: str
    """Where the row has been put, in words; empty when it hasn't."""
    error: str | None


def answers(journal: Path, target: str, key: int) -> list[Response]:
    """Every answer that the row ``key`` got on its way to ``target``, the oldest first.

    Args:
        journal: the emulator's journal.
        target: the topic or stream of an entity; one or the other says which pipeline was taken.
        key: key of the row.
    """
    return [
        Response(
            document["time"],
            document["method"],
            document["url"],
            document["status"],
            ", ".join(f"{k} {record[k]}" for k in _POSITION if record.get(k) is not None),
            record.get("error"),
        )
        for document in _documents(journal)
        if key in document["keys"] and target in document["url"].split("/")
        for record in document["records"]
        if record["key"] == key
    ]


def _documents(journal: Path) -> Iterator[dict[str, Any]]:
    older = sorted(journal.parent.glob(f"{journal.name}.[0-9]*"), reverse=True)
    for file in [*older, journal]:
        if not file.exists():
            continue
        with file.open("rb") as lines:
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError as error:
                    if line.endswith(b"\n"):  # else it's being written now
                        raise HopError(HOP, f"{file}: not a journal: {line[:80]!r}") from error

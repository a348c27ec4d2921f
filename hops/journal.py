"""Hop 3, API Gateway: the emulator's requests and their responses, from its journal.

``emulator/delivery/journal.py`` describes the lines. A full journal is renamed to a name with a
number; the higher the number, the older the file.
"""

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
    """The part of a response that is about one row."""

    time: str
    method: str
    url: str
    status: int | None
    """None when the request got no response."""
    position: str
    """Partition and offset, or shard and sequence number; empty if the row was not stored."""
    error: str | None


def responses(journal: Path, target: str, key: int) -> list[Response]:
    """Every response about the row ``key`` of ``target``, the oldest first.

    Args:
        journal: the emulator's journal.
        target: the topic of an entity (batch pipeline) or its stream (streaming pipeline).
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
                    if line.endswith(b"\n"):  # else the emulator is writing this line
                        raise HopError(HOP, f"{file}: not a journal: {line[:80]!r}") from error

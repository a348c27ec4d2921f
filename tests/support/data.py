"""The generated source as objects for the batch pipeline, and as Arrow tables for the oracle."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from contract import names, wire
from contract.entities import ENTITIES, Entity, Kind
from emulator.dataset.generate import Block

_ARROW = {
    Kind.INTEGER: pa.int64(),
    Kind.NUMBER: pa.float64(),
    Kind.TEXT: pa.string(),
    Kind.TIMESTAMP: pa.timestamp("us"),
}


def lines(entity: Entity, rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Convert rows of the source to records of the wire."""
    return (wire.dumps(wire.wire_row(entity, row)) for row in rows)


def write_objects(
    folder: Path, topic: str, records: Iterable[str], per_object: int, start: int = 0
) -> int:
    """Write records as the S3 sink does, below ``folder``; return the next offset."""
    records = iter(records)
    offset = start
    while chunk := list(islice(records, per_object)):
        path = folder.parent / names.object_key(topic, 0, offset)
        if folder.name != names.TOPICS_DIR:
            raise ValueError(f"{folder} must be called {names.TOPICS_DIR}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{record}\n" for record in chunk), encoding="utf-8")
        offset += len(chunk)
    return offset


def write_block(folder: Path, user_id: str, block: Block, per_object: int, start: int = 0) -> None:
    """Write all rows of a block to the three topics."""
    for entity in ENTITIES:
        records = lines(entity, block.rows(entity))
        write_objects(folder, names.topic(user_id, entity), records, per_object, start)


def arrow(entity: Entity, rows: list[dict[str, Any]]) -> pa.Table:
    """Convert rows of the source to an Arrow table with the source's columns and types."""
    schema = pa.schema([(c.name, _ARROW[c.kind]) for c in entity.columns])
    return pa.Table.from_pylist([_dated(row) for row in rows], schema=schema)


def _dated(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v.replace(tzinfo=None) if isinstance(v, datetime) else v for k, v in row.items()}

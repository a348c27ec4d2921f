"""Hop 3, API Gateway: the rows that the emulator has sent and the responses, from its outbox.

``emulator/delivery/outbox.py`` writes the file, also while it is read here. A reader needs the
files next to it (``-wal`` and ``-shm``), and the right to make them: not a read-only mount.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, fields
from pathlib import Path

from hops.errors import HopError

HOP = "gateway"


@dataclass(frozen=True, slots=True)
class SentRow:
    """One row that the emulator has drawn: the columns of the view ``sent``."""

    target: str
    """Topic or stream."""
    entity: str
    key: int
    state: str
    """``stored``, ``refused`` (rejected for good) or ``in flight`` (sent again, now or later)."""
    attempts: int
    time: str | None
    """Time (UTC) of the last attempt; None before the first one has ended, as the next two."""
    request: str | None
    """Method and URL."""
    status: int | None
    """None also when the request got no response."""
    error: str | None
    partition: int | None
    """With ``offset`` the position of a row that is stored in a topic, else None."""
    offset: int | None
    shard: str | None
    """With ``sequence_number`` the position of a row that is stored in a stream, else None."""
    sequence_number: str | None

    @property
    def place(self) -> str:
        """The position as a text; empty if the row is not stored."""
        if self.partition is not None:
            return f"partition {self.partition}, offset {self.offset}"
        return f"shard {self.shard}, sequence_number {self.sequence_number}" if self.shard else ""


def rows(outbox: Path, where: str = "1", values: Sequence[str | int] = ()) -> list[SentRow]:
    """The rows that an SQL condition selects, in the order of their responses; last, in flight.

    Args:
        outbox: the emulator's outbox; without the file there are no rows.
        where: a condition on the columns of ``SentRow``, such as ``key = ?``.
        values: a value for each question mark.

    Raises:
        HopError: the file is not an outbox, or cannot be read.
    """
    if not outbox.exists() or not outbox.stat().st_size:
        return []
    names = ", ".join(field.name for field in fields(SentRow))
    try:
        with closing(sqlite3.connect(f"{outbox.absolute().as_uri()}?mode=ro", 30, uri=True)) as db:
            return [
                SentRow(*row)
                for row in db.execute(f"SELECT {names} FROM sent WHERE {where}", values)
            ]
    except sqlite3.Error as error:
        raise HopError(HOP, f"outbox {outbox}: {error}") from error

"""Writes the generated rows into a database, once, and says what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from contract.entities import ENTITIES
from emulator import database
from emulator.database import DatabaseError
from emulator.dataset.generate import blocks
from emulator.dataset.profile import BLOCK, MAX_SCALE
from emulator.dataset.tables import MARKER, METADATA, TABLES

PROFILE = 1
"""Raised when the generator gives other rows for the same seed, so that tables are reloaded."""

_CHUNK = 2000
"""Rows of one ``executemany``."""


class ForeignTablesError(DatabaseError):
    """The tables are there, hold rows, and weren't made by this program."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What ``load`` did."""

    posts: int
    written: bool
    """False when the same rows were there already."""
    why: str
    """Why it wrote, or not."""


def load(
    url: str,
    *,
    scale: int = 1,
    seed: int = 100,
    overwrite: bool = False,
    progress: Callable[[int], object] = lambda posts: None,
) -> Loaded:
    """Fill the source database, unless the same rows are there already.

    The rows and, last, the marker that says they are whole are one transaction: a load that is
    killed leaves what was there before, or tables without a marker (where the database commits
    a CREATE TABLE at once, as MySQL does), and then the next one starts over.

    Args:
        url: an SQLAlchemy URL.
        scale: blocks of 11,154 posts, 1 to 14,145.
        seed: seed of the dataset.
        overwrite: replace tables that hold rows and weren't made by this program.
        progress: called with the number of posts written since the last call.

    Raises:
        DatabaseError: the database can't be reached, or refuses.
        ForeignTablesError: the tables hold someone else's rows.
    """
    if not 1 <= scale <= MAX_SCALE:
        raise DatabaseError(f"scale {scale} is not between 1 and {MAX_SCALE}")
    engine = database.connect(url, create=True)
    try:
        with engine.begin() as connection:
            why, present = _compare(connection, scale, seed, overwrite)
            if not present:
                _write(connection, scale, seed, progress)
    except SQLAlchemyError as error:
        raise DatabaseError(
            f"source database {database.shown(url)}: {database.reason(error)}"
        ) from error
    finally:
        engine.dispose()
    return Loaded(posts=scale * BLOCK, written=not present, why=why)


def _compare(connection: sa.Connection, scale: int, seed: int, overwrite: bool) -> tuple[str, bool]:
    """Say how the database differs from what is asked for, and whether it doesn't."""
    there = set(sa.inspect(connection).get_table_names())
    tables = [table for table in TABLES.values() if table.name in there]
    if MARKER.name not in there:
        used = [
            table.name
            for table in tables
            if connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
        ]
        if used and not overwrite:
            raise ForeignTablesError(
                f"{', '.join(used)} already hold rows that this program didn't write; "
                "name another database, or pass --overwrite to replace them"
            )
        return ("they replace other tables" if used else "there were none"), False
    marker = connection.execute(sa.select(MARKER.c.profile, MARKER.c.seed, MARKER.c.scale)).first()
    if marker is None or len(tables) < len(TABLES):
        return "an earlier load didn't end", False
    if tuple(marker) != (PROFILE, seed, scale):
        return f"there were others, of seed {marker.seed} and scale {marker.scale}", False
    return "they are there already", True


def _write(
    connection: sa.Connection, scale: int, seed: int, progress: Callable[[int], object]
) -> None:
    METADATA.drop_all(connection)
    # First of all: with it, tables that a killed load leaves behind are known as ours.
    MARKER.create(connection)
    METADATA.create_all(connection)
    for block in blocks(scale, seed):
        for start in range(0, BLOCK, _CHUNK):
            for entity in ENTITIES:
                rows = block.rows(entity)[start : start + _CHUNK]
                connection.execute(sa.insert(TABLES[entity]), rows)
            progress(min(_CHUNK, BLOCK - start))
    connection.execute(sa.insert(MARKER), [{"profile": PROFILE, "seed": seed, "scale": scale}])

"""Writes the generated rows into a database, once, and says what it did.

Nobody's rows are replaced unless that was asked for: a load that keeps what is there fills an
empty database and one whose load did not end, and nothing else.
"""

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


@dataclass(frozen=True, slots=True)
class Loaded:
    """What ``load`` did, and what the database holds now."""

    rows: dict[str, int]
    """Table: its rows."""
    origin: str
    """What they were made from."""
    written: bool
    """False when what was there has been kept."""
    why: str
    """Why it wrote, or not."""
    as_asked: bool
    """False when the rows that were kept have another seed or scale than those asked for."""


def load(
    url: str,
    *,
    scale: int = 1,
    seed: int = 100,
    keep: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], object] = lambda posts: None,
) -> Loaded:
    """Fill the source database, unless the same rows are there already, or others with ``keep``.

    The rows and, last, the marker that says they are whole are one transaction: a load that is
    killed leaves what was there before, or tables without a marker (where the database commits
    a CREATE TABLE at once, as MySQL does), and then the next one starts over.

    Args:
        url: an SQLAlchemy URL.
        scale: blocks of 11,154 posts, 1 to 14,145.
        seed: seed of the dataset.
        keep: leave rows as they are, whatever seed and scale and whoever they are of.
        overwrite: replace whatever is there, also what this program did not make.
        progress: called with the number of posts written since the last call.

    Raises:
        DatabaseError: the database can't be reached or refuses, the tables hold someone else's
            rows, or are to be kept and lack one.
    """
    if not 1 <= scale <= MAX_SCALE:
        raise DatabaseError(f"scale {scale} is not between 1 and {MAX_SCALE}")
    engine = database.connect(url, create=True)
    try:
        with engine.begin() as connection:
            found = _found(connection)
            why, present = _compare(found, scale, seed, keep, overwrite)
            if not present:
                _write(connection, scale, seed, progress)
                found = _found(connection)
    except SQLAlchemyError as error:
        raise DatabaseError(
            f"source database {database.shown(url)}: {database.reason(error)}"
        ) from error
    finally:
        engine.dispose()
    origin = "not made by this program"
    if found.made is not None:
        origin = "seed {1}, scale {2}".format(*found.made)
    as_asked = found.made in (None, (PROFILE, seed, scale))
    return Loaded(found.rows, origin, not present, why, as_asked)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a database holds."""

    rows: dict[str, int]
    """Table of ours that is there: its rows."""
    ours: bool
    """Whether this program made the tables."""
    made: tuple[int, int, int] | None
    """Profile, seed and scale of a load of ours that has ended."""

    @property
    def lacking(self) -> list[str]:
        """The tables that aren't there."""
        return [table.name for table in TABLES.values() if table.name not in self.rows]


def _found(connection: sa.Connection) -> _Found:
    there = set(sa.inspect(connection).get_table_names())
    rows = {
        table.name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in TABLES.values()
        if table.name in there
    }
    ours = MARKER.name in there
    columns = (MARKER.c.profile, MARKER.c.seed, MARKER.c.scale)
    marker = connection.execute(sa.select(*columns)).first() if ours else None
    return _Found(rows, ours, None if marker is None else (marker[0], marker[1], marker[2]))


def _compare(found: _Found, scale: int, seed: int, keep: bool, overwrite: bool) -> tuple[str, bool]:
    """Say how the database differs from what is asked for, and whether its rows stay."""
    used = [name for name, rows in found.rows.items() if rows]
    if not used:
        return "there were none", False
    if overwrite:
        return "they replace what was there", False
    if not found.ours:
        if keep and not found.lacking:
            return "they were there already", True
        if keep:
            raise DatabaseError(
                f"{', '.join(used)} hold rows that this program didn't write, and "
                f"{', '.join(found.lacking)} isn't there: make it, or name another database"
            )
        raise DatabaseError(
            f"{', '.join(used)} already hold rows that this program didn't write; "
            "name another database, or pass --overwrite to replace them"
        )
    if found.made is None:
        return "an earlier load didn't end", False
    if found.lacking and keep:
        raise DatabaseError(
            f"the source database has no {' and no '.join(found.lacking)} any more; "
            "`pinpipe dataset load --overwrite` makes all three tables again"
        )
    if found.lacking:
        return f"there was no {' and no '.join(found.lacking)}", False
    if found.made == (PROFILE, seed, scale):
        return "they are there already", True
    if found.made[1:] == (seed, scale):
        why = "this version makes other rows of the same seed and scale"
    elif keep:
        why = f"the settings say seed {seed}, scale {scale}"
    else:
        why = f"there were others, of seed {found.made[1]} and scale {found.made[2]}"
    return why, keep


def _write(
    connection: sa.Connection, scale: int, seed: int, progress: Callable[[int], object]
) -> None:
    # First of all: with an empty marker, tables that a killed load leaves behind are known as ours
    # and as half-loaded, also where the database commits each DROP and CREATE TABLE at once.
    MARKER.create(connection, checkfirst=True)
    connection.execute(sa.delete(MARKER))
    METADATA.drop_all(connection, list(TABLES.values()))
    METADATA.create_all(connection)
    for block in blocks(scale, seed):
        for start in range(0, BLOCK, _CHUNK):
            for entity in ENTITIES:
                rows = block.rows(entity)[start : start + _CHUNK]
                connection.execute(sa.insert(TABLES[entity]), rows)
            progress(min(_CHUNK, BLOCK - start))
    connection.execute(sa.insert(MARKER), [{"profile": PROFILE, "seed": seed, "scale": scale}])

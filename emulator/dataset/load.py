"""Writes the generated rows into the source database, once, and reports what it did (hop 1).

A load replaces existing rows only if its arguments say so: with ``keep`` it fills an empty database
or one whose load did not end.
"""

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
"""Version of the generator: raised when a seed yields other rows, so that tables are reloaded."""

_CHUNK = 2000
"""Rows of one ``executemany``."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of ``load``."""

    rows: dict[str, int]
    """Number of rows of each table."""
    origin: str
    """Seed and scale of the rows, if this program wrote them."""
    written: bool
    """False if the existing rows were kept."""
    why: str
    """Why the rows were written or kept."""
    as_asked: bool
    """False if the kept rows have another seed or scale than requested."""


def load(
    url: str,
    *,
    scale: int = 1,
    seed: int = 100,
    keep: bool = False,
    overwrite: bool = False,
    progress: Callable[[int], object] = lambda posts: None,
) -> Loaded:
    """Fill the source database, unless it has the same rows, or any rows with ``keep``.

    The rows and, last, the marker that they are complete are one transaction. A killed load leaves
    the earlier rows, or tables without a marker where the database commits a CREATE TABLE at once,
    as MySQL does; then the next load starts over.

    Args:
        url: an SQLAlchemy URL.
        scale: blocks of 11,154 posts, 1 to 14,145.
        seed: seed of the dataset.
        keep: keep existing rows of any seed, scale and origin.
        overwrite: replace existing rows, including those of other programs.
        progress: called with the number of posts written since the last call.

    Raises:
        DatabaseError: the database cannot be reached or rejects a statement, the tables have rows
            of another program, or rows are to be kept and a table is missing.
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
    """The content of a database."""

    rows: dict[str, int]
    """Number of rows of each source table that exists."""
    ours: bool
    """Whether this program created the tables."""
    made: tuple[int, int, int] | None
    """Profile, seed and scale of a completed load."""

    @property
    def lacking(self) -> list[str]:
        """The missing tables."""
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
    """Return why the rows are written or kept, and whether they are kept."""
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
                f"{', '.join(found.lacking)} is missing: create it, or name another database"
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
    # First an empty marker: it shows that the tables of a killed load are ours and incomplete, also
    # where the database commits each DROP and CREATE TABLE at once.
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

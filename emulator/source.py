"""Reads the rows of posts from the source database (hop 1), many posts a query."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from contract import wire
from contract.entities import ENTITIES, PIN, Entity, Kind
from emulator import database
from emulator.database import DatabaseError
from emulator.dataset.tables import MARKER, TABLES
from emulator.delivery.request import Row

_PAGE = 500


class AwayError(DatabaseError):
    """The source database cannot be reached, or its connection broke during a query."""


@dataclass(frozen=True, slots=True)
class Post:
    """The rows of one post that the source has, in sending order."""

    key: int
    rows: tuple[Row, ...]

    @property
    def missing(self) -> tuple[Entity, ...]:
        """The entities whose tables have no row of this post."""
        # By name: an entity is hashed column by column.
        present = {row.entity.name for row in self.rows}
        return tuple(entity for entity in ENTITIES if entity.name not in present)


class Source:
    """The source database, open for reading.

    Raises:
        DatabaseError: it cannot be reached, its load has not ended, or it has no posts.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._engine = database.connect(url)
        self._queries = {
            entity: sa.select(*(table.c[name] for name in entity.column_names)).where(
                table.c[entity.key].in_(sa.bindparam("keys", expanding=True))
            )
            for entity, table in TABLES.items()
        }
        try:
            self._check()
        except DatabaseError:
            self.close()
            raise

    def read(self, keys: Sequence[int]) -> dict[int, Post]:
        """The posts with these keys, by key; each has the rows that the source has.

        Raises:
            AwayError: the database cannot be reached.
            DatabaseError: the query fails.
        """
        found: dict[int, list[Row]] = {key: [] for key in keys}
        with self._connection() as connection:
            for entity in ENTITIES:
                rows = connection.execute(self._queries[entity], {"keys": list(found)})
                names = entity.column_names
                for values in rows:
                    row = _wire_row(entity, dict(zip(names, values, strict=True)))
                    key = int(values[0])  # the key is the first column of each table
                    found[key].append(Row(entity, key, row))
        return {key: Post(key, tuple(rows)) for key, rows in found.items()}

    def keys(self) -> Iterator[int]:
        """Every key of the pin table, in order; read page by page.

        Raises:
            DatabaseError: the query fails.
        """
        column = TABLES[PIN].c[PIN.key]
        last: int | None = None
        while True:
            query = sa.select(column).order_by(column).limit(_PAGE)
            if last is not None:
                query = query.where(column > last)
            with self._connection() as connection:
                page = connection.scalars(query).all()
            if not page:
                return
            yield from page
            last = page[-1]

    def count(self) -> int:
        """Number of posts: rows of the pin table.

        Raises:
            DatabaseError: the query fails.
        """
        with self._connection() as connection:
            found = connection.scalar(sa.select(sa.func.count()).select_from(TABLES[PIN]))
        return found or 0

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _check(self) -> None:
        with self._connection() as connection:
            tables = set(sa.inspect(connection).get_table_names())
            missing = [table.name for table in TABLES.values() if table.name not in tables]
            if missing:
                problem = f"has no table {', '.join(missing)}"
            elif MARKER.name in tables and not connection.execute(sa.select(MARKER)).first():
                problem = "is loaded in part only"
            elif not connection.execute(sa.select(TABLES[PIN].c[PIN.key]).limit(1)).first():
                problem = f"has no posts, {PIN.table} is empty"
            else:
                return
        raise DatabaseError(
            f"source database {database.shown(self._url)} {problem}: run `pinpipe dataset load`"
        )

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        """A connection whose errors are raised as ``DatabaseError``."""
        try:
            # Closing sends a statement, too, which may fail as any other.
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            away = isinstance(error, OperationalError | InterfaceError)
            kind = AwayError if away else DatabaseError
            where = database.shown(self._url)
            raise kind(f"source database {where}: {database.reason(error)}") from error


def _wire_row(entity: Entity, values: Mapping[str, Any]) -> dict[str, wire.Json]:
    row = wire.wire_row(entity, values)
    for column in entity.columns:
        value = row[column.name]
        # A user's own database may store dates as text, with a space instead of the wire's T.
        if column.kind is Kind.TIMESTAMP and isinstance(value, str) and "T" not in value:
            row[column.name] = wire.parse_timestamp(value).isoformat()
    return row

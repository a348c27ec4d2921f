"""The three source tables in SQLAlchemy, derived from the entities of ``contract`` (hop 1)."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.types import TypeEngine

from contract.entities import ENTITIES, Column, Entity, Kind

METADATA = sa.MetaData()

_TYPES: dict[Kind, TypeEngine[Any]] = {
    Kind.INTEGER: sa.Integer(),
    # A FLOAT keeps six significant digits in MySQL's results, but not in its arithmetic.
    Kind.NUMBER: sa.Double(),
    # Emoji need utf8mb4 in MySQL; texts compare by code point, as everywhere else.
    Kind.TEXT: sa.Text().with_variant(
        mysql.TEXT(charset="utf8mb4", collation="utf8mb4_bin"), "mysql", "mariadb"
    ),
    # Whole seconds in SQLite too: `2020-08-28 03:52:47`, as MySQL prints them.
    Kind.TIMESTAMP: sa.DateTime().with_variant(
        sqlite.DATETIME(truncate_microseconds=True),  # type: ignore[no-untyped-call]
        "sqlite",
    ),
}
# In SQLite only INTEGER PRIMARY KEY is the row id, which keeps the rows in key order.
_KEY = sa.BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def _table(entity: Entity) -> sa.Table:
    def column(of: Column) -> sa.Column[Any]:
        if of.name == entity.key:
            return sa.Column(of.name, _KEY, primary_key=True, autoincrement=False)
        return sa.Column(of.name, _TYPES[of.kind])

    return sa.Table(
        entity.table,
        METADATA,
        *(column(of) for of in entity.columns),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )


TABLES = {entity: _table(entity) for entity in ENTITIES}
"""The table of each entity. SQLAlchemy quotes ``index``, a reserved word."""

MARKER = sa.Table(
    "dataset_load",
    METADATA,
    sa.Column("profile", sa.Integer, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("scale", sa.Integer, nullable=False),
    mysql_engine="InnoDB",
)
"""One row, written last, with the profile, seed and scale of the three complete tables."""

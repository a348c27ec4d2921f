"""The three rows of one post: entities, their tables, columns and keys.

One post is three rows with the same key, one in each table of the source
database (hop 1). Column order is the order of the source tables.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The type of a column on the wire."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    TIMESTAMP = "timestamp"
    """A text in ISO 8601; written with a ``T``, read with a ``T`` or a space."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a source table, and the field of the same name on the wire."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Entity:
    """One of the three rows of a post."""

    name: str
    """The word in the names of topics, streams and tables."""
    table: str
    """Table of the source database."""
    key: str
    """Column that holds the post's key, unique in its table."""
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names of the columns, in table order."""
        return tuple(column.name for column in self.columns)


def _columns(**kinds: Kind) -> tuple[Column, ...]:
    return tuple(Column(name, kind) for name, kind in kinds.items())


PIN = Entity(
    "pin",
    "pinterest_data",
    "index",
    _columns(
        index=Kind.INTEGER,
        unique_id=Kind.TEXT,
        title=Kind.TEXT,
        description=Kind.TEXT,
        poster_name=Kind.TEXT,
        follower_count=Kind.TEXT,
        tag_list=Kind.TEXT,
        is_image_or_video=Kind.TEXT,
        image_src=Kind.TEXT,
        downloaded=Kind.INTEGER,
        save_location=Kind.TEXT,
        category=Kind.TEXT,
    ),
)
GEO = Entity(
    "geo",
    "geolocation_data",
    "ind",
    _columns(
        ind=Kind.INTEGER,
        timestamp=Kind.TIMESTAMP,
        latitude=Kind.NUMBER,
        longitude=Kind.NUMBER,
        country=Kind.TEXT,
    ),
)
USER = Entity(
    "user",
    "user_data",
    "ind",
    _columns(
        ind=Kind.INTEGER,
        first_name=Kind.TEXT,
        last_name=Kind.TEXT,
        age=Kind.INTEGER,
        date_joined=Kind.TIMESTAMP,
    ),
)

ENTITIES = (PIN, GEO, USER)
"""In the order in which the emulator sends them."""


def entity(name: str) -> Entity:
    """Return the entity called ``name``.

    Raises:
        KeyError: no entity has that name.
    """
    for candidate in ENTITIES:
        if candidate.name == name:
            return candidate
    raise KeyError(f"{name!r} is no entity; there are {', '.join(e.name for e in ENTITIES)}")

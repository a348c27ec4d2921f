"""Hop 7: schemas of the records and of the tables, made from ``contract.entities``.

A column of the wire is one of four kinds; ``WIRE`` maps each kind to Spark. The cleaned
columns are those of the specification, section 7.
"""

from dataclasses import dataclass

from pyspark.sql.types import (
    ArrayType,
    DataType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from contract.entities import GEO, PIN, USER, Entity, Kind

KEY = "ind"
"""Key of every cleaned table."""


@dataclass(frozen=True, slots=True)
class WireType:
    """A kind of column on the wire."""

    spark: DataType
    """Type that its JSON value is read as; a timestamp is read as text first."""
    json: str
    """Regular expression of the types that ``schema_of_variant`` returns for a valid value."""
    description: str
    """Description of a valid value, for messages."""


WIRE = {
    Kind.INTEGER: WireType(LongType(), "BIGINT", "a whole number of at most 64 bits"),
    Kind.NUMBER: WireType(DoubleType(), r"BIGINT|DOUBLE|FLOAT|DECIMAL\(.*", "a number"),
    Kind.TEXT: WireType(StringType(), "STRING", "a text"),
    Kind.TIMESTAMP: WireType(StringType(), "STRING", "a date and time in ISO 8601"),
}


def wire_schema(entity: Entity) -> StructType:
    """Return the columns of an entity's record, all nullable, in table order."""
    return StructType([StructField(c.name, WIRE[c.kind].spark) for c in entity.columns])


def _columns(**types: DataType) -> StructType:
    return StructType([StructField(name, spark) for name, spark in types.items()])


INT, LONG, TEXT, TIME = IntegerType(), LongType(), StringType(), TimestampType()

CLEANED = {
    PIN: _columns(
        ind=LONG,
        unique_id=TEXT,
        title=TEXT,
        description=TEXT,
        follower_count=LONG,
        poster_name=TEXT,
        tag_list=TEXT,
        is_image_or_video=TEXT,
        image_src=TEXT,
        save_location=TEXT,
        category=TEXT,
    ),
    GEO: _columns(ind=LONG, country=TEXT, coordinates=ArrayType(DoubleType()), timestamp=TIME),
    USER: _columns(ind=LONG, user_name=TEXT, age=LONG, date_joined=TIME),
}
"""Columns of the cleaned tables (specification, section 7)."""

_REFUSED: dict[str, DataType] = dict.fromkeys(("raw", "rule", "reason"), TEXT)

QUARANTINE = _columns(
    **_REFUSED, stored_at=TIME, topic=TEXT, partition=INT, start_offset=LONG, line=INT, object=TEXT
)
"""Columns of the batch pipeline's quarantine tables: the record, the reason and its position."""

STREAM_QUARANTINE = _columns(
    **_REFUSED, arrived_at=TIME, stream=TEXT, shard=TEXT, sequence_number=TEXT
)
"""Columns of the streaming pipeline's quarantine tables."""

COUNTED_POSTS = _columns(ind=LONG, arrived_at=TIME, label=TEXT)
"""Columns of the tables of counted posts: the key, its arrival in Kinesis, and the post's category
or country."""

LIVE = _columns(
    stream=TEXT, metric=TEXT, window=TEXT, start=TIME, end=TIME, label=TEXT, value=LONG, rank=INT
)
"""Columns of the live metrics (``metrics``)."""

"""Schemas of what is read and what is written, made from ``contract.entities``.

A column of the wire is one of four kinds; ``WIRE`` says what each kind is in Spark. The cleaned
columns are those of the specification, section 7.
"""

from __future__ import annotations

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
    """Regular expression of the names that ``schema_of_variant`` has for a right value."""
    says: str
    """What a right value is, for people."""


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


CLEANED = {
    PIN: _columns(
        ind=LongType(),
        unique_id=StringType(),
        title=StringType(),
        description=StringType(),
        follower_count=LongType(),
        poster_name=StringType(),
        tag_list=StringType(),
        is_image_or_video=StringType(),
        image_src=StringType(),
        save_location=StringType(),
        category=StringType(),
    ),
    GEO: _columns(
        ind=LongType(),
        country=StringType(),
        coordinates=ArrayType(DoubleType()),
        timestamp=TimestampType(),
    ),
    USER: _columns(
        ind=LongType(),
        user_name=StringType(),
        age=LongType(),
        date_joined=TimestampType(),
    ),
}
"""Columns of the cleaned tables (specification, section 7)."""

QUARANTINE = _columns(
    raw=StringType(),
    rule=StringType(),
    reason=StringType(),
    stored_at=TimestampType(),
    topic=StringType(),
    partition=IntegerType(),
    start_offset=LongType(),
    line=IntegerType(),
    object=StringType(),
)
"""Columns of the batch road's quarantine tables: the record, why it is there, where it was."""

STREAM_QUARANTINE = _columns(
    raw=StringType(),
    rule=StringType(),
    reason=StringType(),
    arrived_at=TimestampType(),
    stream=StringType(),
    shard=StringType(),
    sequence_number=StringType(),
)
"""The same of the streaming road."""

ARRIVALS = _columns(ind=LongType(), arrived_at=TimestampType(), label=StringType())
"""Columns of the tables of counted posts: the key, when Kinesis took it, and the post's category or
country."""

LIVE = _columns(
    stream=StringType(),
    metric=StringType(),
    window=StringType(),
    start=TimestampType(),
    end=TimestampType(),
    label=StringType(),
    value=LongType(),
    rank=IntegerType(),
)
"""Columns of the live metrics (``metrics``)."""

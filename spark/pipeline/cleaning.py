"""Hop 7: cleaning, one definition for both pipelines (specification, section 7).

Choices that the specification leaves open:

- A blank is a text of nothing but Unicode white space, the no-break space included. Blank texts
  become null in all three tables. Other texts are unchanged, including spaces at their ends.
- A placeholder counts only as the whole text of its own column.
- A follower count such as ``1.5M`` must be a whole number; ``1,234`` and ``1.5`` become null.
- Coordinates are null unless both are present.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contract.entities import GEO, PIN, USER, Entity
from spark.pipeline.parse import timestamp
from spark.pipeline.schemas import CLEANED

PLACEHOLDERS = {
    "title": ("No Title Data Available",),
    "description": (
        "No description available",
        "No description available Story format",
    ),
    "poster_name": ("User Info Error",),
    "follower_count": ("User Info Error",),
    "tag_list": ("N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",),
    "image_src": ("Image src error.",),
}
"""Placeholders of the original's scraper for missing values, by column."""

_BLANK = r"(?U)^\s*$"
_FOLLOWERS = r"(?U)^\s*([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([kKmM]?)\s*$"


def present(column: str) -> Column:
    """Return a text column with null for a blank and for the column's placeholders."""
    text = F.col(column)
    absent = text.rlike(_BLANK)
    if column in PLACEHOLDERS:
        absent |= text.isin(*PLACEHOLDERS[column])
    return F.when(~absent, text).alias(column)


def followers(text: Column) -> Column:
    """Return a follower count as a whole number: ``12k`` is 12000, ``1.5M`` is 1500000."""
    number = F.regexp_extract(text, _FOLLOWERS, 1).try_cast("decimal(21,6)")
    # `upper` is not used: it loads all of Unicode's case mappings, which takes a second per job.
    unit = F.regexp_extract(text, _FOLLOWERS, 2)
    kilo, mega = unit.isin("k", "K"), unit.isin("m", "M")
    total = number * F.when(kilo, 1_000).when(mega, 1_000_000).otherwise(1)
    return F.when(total == F.floor(total), total.try_cast("bigint"))


def _pin() -> dict[str, Column]:
    return {
        "ind": F.col("index"),
        "follower_count": followers(F.col("follower_count")),
        # `Local save in /data/travel`: the path begins with the first slash.
        "save_location": F.regexp_substr("save_location", F.lit(r"(?s)/.*")),
    }


def _geo() -> dict[str, Column]:
    both = F.col("latitude").isNotNull() & F.col("longitude").isNotNull()
    return {
        "coordinates": F.when(both, F.array("latitude", "longitude")),
        "timestamp": timestamp(F.col("timestamp")),
    }


def _user() -> dict[str, Column]:
    name = F.concat_ws(" ", F.trim(present("first_name")), F.trim(present("last_name")))
    return {
        "user_name": F.when(name != "", name),
        "date_joined": timestamp(F.col("date_joined")),
    }


_COMPUTED = {PIN: _pin, GEO: _geo, USER: _user}
"""Computed columns; the others are copied, texts without blanks and placeholders."""


def clean(rows: DataFrame, entity: Entity, *extra: str) -> DataFrame:
    """Clean good rows of one entity.

    Args:
        rows: the entity's columns and ``position``, as ``parse.good`` returns them.
        entity: the entity of the rows.
        extra: names of other columns to copy.

    Returns:
        The columns of ``schemas.CLEANED``, ``position`` and ``extra``.
    """
    computed = _COMPUTED[entity]()
    texts = {f.name for f in CLEANED[entity] if f.dataType.simpleString() == "string"}

    def column(name: str) -> Column:
        if name in computed:
            return computed[name].alias(name)
        return present(name) if name in texts else F.col(name)

    return rows.select(*(column(name) for name in CLEANED[entity].names), "position", *extra)


def newest(cleaned: DataFrame, *aggregates: Column) -> DataFrame:
    """Keep one row per key, that with the greatest position; drop ``position``.

    Args:
        cleaned: the result of ``clean``.
        aggregates: over all rows of a key; each becomes a column.
    """
    names = [name for name in cleaned.columns if name != "position"]
    return (
        cleaned.groupBy("ind")
        .agg(F.max_by(F.struct(*names), F.col("position")).alias("row"), *aggregates)
        .drop("ind")
        .select("row.*", "*")
        .drop("row")
    )

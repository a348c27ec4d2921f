"""Hop 7: parses raw text to typed rows, or finds the reason for the quarantine.

One quick pass reads a record with the entity's schema. Only a doubtful record is read again, value
by value, to name the wrong field and its value: text in place of a number is wrong, and so is a
number in place of text. A field that the entity does not have is ignored; a missing field is null.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StringType, StructField, StructType

from contract.entities import Entity, Kind
from spark.pipeline.schemas import WIRE, wire_schema

QUOTED_LENGTH = 100
"""Characters of a wrong value that a reason quotes."""

_STRICT = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "corrupt",
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}
# Without a time it is midnight, without a zone UTC; years 0001 to 9999.
_ISO_8601 = (
    r"^(?!0000)\d{4}-\d{2}-\d{2}"
    r"([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$"
)


def timestamp(text: Column) -> Column:
    """Read a date of the wire, with a ``T`` or a space; null if it is not a date."""
    return F.when(text.rlike(_ISO_8601), text.try_cast("timestamp"))


def parse(records: DataFrame, entity: Entity) -> DataFrame:
    """Read records of one entity.

    Args:
        records: ``raw`` and ``position``.

    Returns:
        ``raw``, ``position``, ``row`` (a struct of the entity's columns), ``rule`` and ``reason``.
        The last two are null for a good record; else ``rule`` names the first broken rule in one
        word, and ``reason`` names every wrong field and its value.
    """
    # In an enclosing object, text after the record's end is an error, too.
    document = F.concat(F.lit('{"value":'), F.col("raw"), F.lit("}"))
    schema = StructType(
        [StructField("value", wire_schema(entity)), StructField("corrupt", StringType())]
    )
    # Each step is a column of its own, so that Spark computes it only once.
    doubt = (
        F.col("read.value").isNull()
        | F.col("read.corrupt").isNotNull()
        | F.col("raw").rlike(_mistyped(entity))
    )
    return (
        records.withColumn("read", F.from_json(document, schema, _STRICT))
        .withColumn("row", F.col("read.value"))
        .withColumn("doubt", doubt)
        .withColumn("exact", F.when(F.col("doubt"), F.try_parse_json(document)))
        .withColumn("problem", F.coalesce(_structural(entity), _semantic(entity)))
        .select("raw", "position", "row", "problem.rule", "problem.reason")
    )


def good(parsed: DataFrame) -> DataFrame:
    """Return the columns of the good records, and ``position``."""
    return parsed.where("rule is null").select("row.*", "position")


def quarantined(parsed: DataFrame) -> DataFrame:
    """Return the bad records: ``raw``, ``rule``, ``reason`` and the fields of ``position``."""
    return parsed.where("rule is not null").select("raw", "rule", "reason", "position.*")


def _problem(rule: str, reason: Column) -> Column:
    return F.struct(F.lit(rule).alias("rule"), reason.alias("reason"))


def _mistyped(entity: Entity) -> str:
    """Return a pattern that matches records in which a value may have a wrong type."""
    texts = [c.name for c in entity.columns if c.kind in (Kind.TEXT, Kind.TIMESTAMP)]
    others = [c.name for c in entity.columns if c.name not in texts]
    return rf'"(?:{"|".join(texts)})"\s*:\s*[^"\sn]|"(?:{"|".join(others)})"\s*:\s*"'


def _structural(entity: Entity) -> Column:
    """Check the type of each value of a doubtful record; null if all are right."""
    exact = F.col("exact")
    value = F.try_variant_get(exact, "$.value", "variant")

    def wrong(name: str, types: str, description: str) -> Column:
        field = F.try_variant_get(exact, f"$.value.{name}", "variant")
        right = F.schema_of_variant(field).rlike(f"^({types}|VOID)$")
        reason = F.concat(F.lit(f"{name} is "), _quoted(field), F.lit(f", not {description}"))
        return F.when(~right, reason)

    fields = F.concat_ws(
        "; ", *(wrong(c.name, WIRE[c.kind].json, WIRE[c.kind].description) for c in entity.columns)
    )
    not_object = F.concat(F.lit("the record is "), _quoted(value), F.lit(", no object"))
    return (
        F.when(~F.col("doubt"), None)
        .when(F.trim("raw") == "", _problem("empty", F.lit("the record is empty")))
        .when(exact.isNull(), _problem("not_json", F.lit("the record is not JSON")))
        .when(
            ~F.schema_of_variant(value).startswith("OBJECT"), _problem("not_an_object", not_object)
        )
        .when(fields != "", _problem("wrong_type", fields))
        .when(
            F.col("read.value").isNull() | F.col("read.corrupt").isNotNull(),
            _problem("wrong_type", F.lit("a value is outside the range of its column")),
        )
    )


def _semantic(entity: Entity) -> Column:
    """Check the values of the key and the dates; null if all are right."""
    dates = []
    for column in entity.columns:
        if column.kind is Kind.TIMESTAMP:
            text = F.col(f"row.`{column.name}`")
            reason = F.concat(
                F.lit(f'{column.name} is "'),
                F.left(text, F.lit(QUOTED_LENGTH)),
                F.lit(f'", not {WIRE[column.kind].description}'),
            )
            dates.append(F.when(text.isNotNull() & timestamp(text).isNull(), reason))
    poisoned = F.concat_ws("; ", *dates)
    key = F.col(f"row.`{entity.key}`")
    return F.when(key.isNull(), _problem("no_key", F.lit(f"{entity.key} is null or missing"))).when(
        poisoned != "", _problem("bad_timestamp", poisoned)
    )


def _quoted(value: Column) -> Column:
    text = F.to_json(value)
    cut = F.concat(F.left(text, F.lit(QUOTED_LENGTH)), F.lit("..."))
    return F.when(F.length(text) > QUOTED_LENGTH, cut).otherwise(text)

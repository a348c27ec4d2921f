"""Hop 7: Databricks' Auto Loader in a small form, for notebooks that read ``cloudFiles``.

``spark.readStream.format("cloudFiles")`` reads each file of a folder once, as JSON, CSV, Parquet or
text. Spark's own file source lists the files, and the checkpoint stores which are read. This
module adds the inferred schema, stored in ``cloudFiles.schemaLocation``, the hints for it, and the
column ``_rescued_data`` with the values that do not fit the schema. The rules are those of
Databricks' pages "Configure schema inference and evolution in Auto Loader" and "Auto Loader
options".

A column that first appears in a later file is rescued, as with the evolution mode ``rescue``.
Databricks' default, ``addNewColumns``, fails the query once and continues after a restart, which
serves a job with retries; here a notebook would end in the middle.
"""

import json
import warnings
from collections.abc import Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.types import StringType, StructField, StructType

FORMATS = ("json", "csv", "parquet", "text")
PREFIX = "cloudfiles."
OPTIONS = ("format", "schemalocation", "schemahints", "infercolumntypes", "maxfilespertrigger")
"""The options below the prefix that have an effect, in lower case."""
MAX_FILES = 1000
"""Databricks' default of ``cloudFiles.maxFilesPerTrigger``."""
RESCUED = "_rescued_data"
CORRUPT = "_corrupt_record"
_RAW = "__raw"
_FILE = "__file"
_VALUES = "__values"


class AutoLoaderError(ValueError):
    """A stream cannot be read; the message names the option or the path."""


def install() -> None:
    """Let ``spark.readStream`` read the format ``cloudFiles``; other formats are unchanged."""
    if hasattr(DataStreamReader, "auto_loader"):
        return
    plain = {
        name: getattr(DataStreamReader, name) for name in ("format", "option", "schema", "load")
    }
    DataStreamReader.auto_loader = False

    def format_(self: Any, source: str) -> Any:
        self.auto_loader = source.lower() == "cloudfiles"
        return self if self.auto_loader else plain["format"](self, source)

    def option(self: Any, key: str, value: Any) -> Any:
        self.__dict__.setdefault("given", {})[key.lower()] = value
        return plain["option"](self, key, value)

    def options(self: Any, **given: Any) -> Any:
        for key, value in given.items():
            option(self, key, value)
        return self

    def schema(self: Any, given: StructType | str) -> Any:
        self.given_schema = given
        return plain["schema"](self, given)

    def load(
        self: Any,
        path: str | None = None,
        format: str | None = None,
        schema: StructType | str | None = None,
        **given: Any,
    ) -> DataFrame:
        if format is not None:
            format_(self, format)
        if not self.auto_loader:
            return plain["load"](self, path, None, schema, **given)
        options(self, **given)
        found = {key: _text(value) for key, value in self.__dict__.get("given", {}).items()}
        return read(self._spark, path, found, schema or self.__dict__.get("given_schema"))

    for name, method in (
        ("format", format_),
        ("option", option),
        ("options", options),
        ("schema", schema),
        ("load", load),
    ):
        setattr(DataStreamReader, name, method)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(
    spark: SparkSession,
    path: str | None,
    options: Mapping[str, str],
    schema: StructType | str | None,
) -> DataFrame:
    """Return the stream of a folder's rows.

    Args:
        spark: the session.
        path: the folder; None if it is the option ``path``.
        options: the reader's options with names in lower case.
        schema: the schema that the program gives, which replaces inference.

    Raises:
        AutoLoaderError: an option is missing or unknown, or no schema can be inferred.
    """
    own = {key.removeprefix(PREFIX): options[key] for key in options if key.startswith(PREFIX)}
    other = {
        key: value
        for key, value in options.items()
        if not key.startswith(PREFIX) and key not in ("path", "rescueddatacolumn")
    }
    kind = own.get("format", "").lower()
    path = path or options.get("path")
    if kind not in FORMATS:
        raise AutoLoaderError(
            f"cloudFiles.format is '{kind}': it must be one of {', '.join(FORMATS)}"
        )
    if not path:
        raise AutoLoaderError("cloudFiles needs a path: .load(path)")
    _warn(own)
    typed = own.get("infercolumntypes", "false").lower() == "true"
    rescued: str | None = options.get("rescueddatacolumn", RESCUED)
    if kind == "text":
        data = StructType().add("value", StringType())
        partitions, rescued = _partitions(spark, path, typed), None
    elif schema is not None:
        given = schema if isinstance(schema, StructType) else _ddl(schema)
        folders = _partitions(spark, path, typed).names
        data = StructType([field for field in given if field.name not in folders])
        partitions = StructType([field for field in given if field.name in folders])
        rescued = options.get("rescueddatacolumn")
    else:
        data, partitions = _stored(spark, path, kind, own, other, typed)
    hints = _ddl(own.get("schemahints", ""))
    wanted = _hinted(data, [hint for hint in hints if hint.name not in partitions.names])
    partitions = _hinted(partitions, [hint for hint in hints if hint.name in partitions.names])

    reader = spark.readStream.options(**other)
    reader.option("maxFilesPerTrigger", own.get("maxfilespertrigger", str(MAX_FILES)))
    if kind == "json":
        raw = StructType().add("value", StringType())
        reader.option("wholetext", other.get("multiline", "false"))
        frame = _json(
            reader.format("text").schema(_both(raw, partitions)).load(path), wanted, other
        )
    elif kind == "csv":
        raw = StructType([StructField(field.name, StringType()) for field in wanted])
        reader.option("columnNameOfCorruptRecord", _RAW)
        read_as = _both(raw.add(_RAW, StringType()), partitions)
        frame = _cast(reader.format("csv").schema(read_as).load(path), wanted)
    else:
        read_as = _both(wanted if schema is not None else data, partitions)
        frame = _cast(reader.format(kind).schema(read_as).load(path), wanted)
    columns = [f.col(f"`{_VALUES}`.`{name}`") for name in wanted.names]
    columns += [f.col(f"`{name}`") for name in partitions.names]
    if rescued:
        columns.append(f.col(RESCUED).alias(rescued))
    return frame.select(columns)


def _warn(own: Mapping[str, str]) -> None:
    """Name the options without effect in one warning."""
    unused = [f"cloudFiles.{name}={own[name]}" for name in own if name not in OPTIONS]
    if unused:
        text = f"Auto Loader has no effect here for the options {', '.join(sorted(unused))}"
        warnings.warn(text, UserWarning, stacklevel=4)


def _ddl(text: str) -> StructType:
    return StructType.fromDDL(text) if text.strip() else StructType()


def _both(data: StructType, partitions: StructType) -> StructType:
    return StructType([*data, *partitions])


def _hinted(schema: StructType, hints: list[StructField]) -> StructType:
    """Replace the types of the columns that have a hint; a hint for a new name adds a column."""
    types = {field.name: field for field in schema} | {hint.name: hint for hint in hints}
    return StructType(list(types.values()))


def _partitions(spark: SparkSession, path: str, typed: bool) -> StructType:
    """The columns of folders such as ``partition=0``, as strings unless types are inferred."""
    found = [field for field in spark.read.text(path).schema if field.name != "value"]
    return StructType(
        [field if typed else StructField(field.name, StringType()) for field in found]
    )


def _stored(
    spark: SparkSession,
    path: str,
    kind: str,
    own: Mapping[str, str],
    other: Mapping[str, str],
    typed: bool,
) -> tuple[StructType, StructType]:
    """The schema of the data and of the folders: stored by an earlier run, else inferred."""
    if "schemalocation" not in own:
        raise AutoLoaderError(
            "cloudFiles.schemaLocation is missing: give the folder that stores the inferred schema,"
            " or a schema"
        )
    jvm: Any = spark._jvm
    file = jvm.org.apache.hadoop.fs.Path(f"{own['schemalocation'].rstrip('/')}/_schemas/0")
    hadoop = spark._jsparkSession.sessionState().newHadoopConf()
    system = file.getFileSystem(hadoop)
    if system.exists(file):
        stored = spark.read.text(file.toString(), wholetext=True).first()
        assert stored is not None
        schemas = json.loads(stored[0])
        return StructType.fromJson(schemas["data"]), StructType.fromJson(schemas["partitions"])
    folder = jvm.org.apache.hadoop.fs.Path(path)
    found = folder.getFileSystem(hadoop).globStatus(folder)
    if not found or not spark.read.text(path).inputFiles():
        raise AutoLoaderError(
            f"[CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE] Cannot infer schema when the input path"
            f" `{path}` is empty. Please try to start the stream when there are files"
            " in the input path, or specify the schema."
        )
    partitions = _partitions(spark, path, typed)
    reader = spark.read.options(**other)
    if kind == "json":
        reader = reader.option("primitivesAsString", str(not typed).lower())
    elif kind == "csv":
        reader = reader.option("inferSchema", str(typed).lower())
    else:
        reader = reader.option("mergeSchema", "true")
    inferred = reader.format(kind).load(path).schema
    data = StructType([field for field in inferred if field.name not in partitions.names])
    content = {"data": data.jsonValue(), "partitions": partitions.jsonValue()}
    created = system.create(file)
    try:
        created.write(json.dumps(content).encode())
    finally:
        created.close()
    return data, partitions


def _json(frame: DataFrame, schema: StructType, options: Mapping[str, str]) -> DataFrame:
    """Parse records; values that do not fit and unknown names are rescued as they are in the file.

    A record that is not a JSON object is rescued whole.
    """
    variants = f.from_json("value", "map<string,variant>", dict(options))
    frame = frame.where(f.length(f.trim("value")) > 0).select(
        "*",
        f.col("_metadata.file_path").alias(_FILE),
        variants.alias(_RAW),
        f.from_json("value", schema, dict(options)).alias(_VALUES),
    )

    def lost(name: Column, value: Column) -> Column:
        fits = f.lit(False)
        for field in schema:
            read = f.col(f"`{_VALUES}`.`{field.name}`").isNotNull() | f.is_variant_null(value)
            fits = fits | ((name == field.name) & read)
        return ~fits

    whole = f.when(f.col(_RAW).isNull(), f.col("value"))
    return _rescue(frame, f.map_filter(_RAW, lost), whole)


def _cast(frame: DataFrame, schema: StructType) -> DataFrame:
    """Cast the columns that have another type; values that do not fit are rescued."""
    cast, lost = [], []
    for field in schema:
        column = f.col(f"`{field.name}`") if field.name in frame.columns else f.lit(None)
        same = field.name in frame.columns and frame.schema[field.name].dataType == field.dataType
        value = column if same else column.try_cast(field.dataType)
        cast.append(value.alias(field.name))
        if not same:
            misfit = value.isNull() & column.isNotNull()
            lost.append(f.when(misfit, f.struct(f.lit(field.name), column.cast("string"))))
    kept = f.array_compact(f.array(*lost)) if lost else None
    entries = f.lit(None).cast("map<string,variant>")
    if kept is not None:
        strings = f.map_from_entries(kept)
        entries = f.transform_values(strings, lambda _, value: value.cast("variant"))
    whole = f.col(_RAW) if _RAW in frame.columns else f.lit(None).cast("string")
    frame = frame.select(
        "*", f.col("_metadata.file_path").alias(_FILE), f.struct(*cast).alias(_VALUES)
    )
    return _rescue(frame, entries, whole)


def _rescue(frame: DataFrame, entries: Column, whole: Column) -> DataFrame:
    """Add the rescued data: JSON of the entries, or of a record that is not readable as a whole."""

    def with_file(found: Column) -> Column:
        return f.to_json(f.map_concat(found, f.create_map(f.lit("_file_path"), _variant(_FILE))))

    corrupt = f.create_map(f.lit(CORRUPT), whole.cast("variant"))
    rescued = f.when(whole.isNotNull(), with_file(corrupt)).when(
        f.size(entries) > 0, with_file(entries)
    )
    return frame.withColumn(RESCUED, rescued)


def _variant(name: str) -> Column:
    return f.col(name).cast("variant")

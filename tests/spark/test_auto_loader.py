"""Auto Loader's format ``cloudFiles`` on Spark's own file source."""

import json
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader

from spark import auto_loader
from spark.auto_loader import AutoLoaderError

pytestmark = pytest.mark.slow


class Folder:
    """A folder of files, and a stream that appends their rows to a table in memory of the test."""

    def __init__(self, spark: SparkSession, root: Path) -> None:
        self.spark, self.root, self.files = spark, root, root / "topics/a.pin"
        self.schema = str(root / "schema")

    def write(self, name: str, *lines: str) -> Path:
        """Write a file of lines."""
        file = self.files / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def reader(self, kind: str, **options: Any) -> DataStreamReader:
        """Return a reader with the required options."""
        reader = self.spark.readStream.format("cloudFiles").option("cloudFiles.format", kind)
        reader = reader.option("cloudFiles.schemaLocation", self.schema)
        return reader.options(**{f"cloudFiles.{key}": value for key, value in options.items()})

    def run(self, frame: DataFrame) -> DataFrame:
        """Read what is available; return all rows of the table."""
        out = str(self.root / "table")
        writer = frame.writeStream.option("checkpointLocation", str(self.root / "checkpoint"))
        query = writer.format("delta").trigger(availableNow=True).start(out)
        query.awaitTermination()
        return self.spark.read.format("delta").load(out)


@pytest.fixture
def folder(spark: SparkSession, tmp_path: Path) -> Folder:
    """An empty folder; the format is installed."""
    auto_loader.install()
    return Folder(spark, tmp_path / "a folder")


@pytest.mark.parametrize("ansi", ["true", "false"])
def test_json_rows_arrive_once_and_a_misfit_is_rescued(
    folder: Folder, spark: SparkSession, ansi: str
) -> None:
    spark.conf.set("spark.sql.ansi.enabled", ansi)
    try:
        folder.write(
            "partition=0/a.json", '{"index":7,"title":"é","n":1.5}', '{"index":null,"n":2}'
        )
        bad = folder.write("partition=1/b.json", '{"index":"seven","title":"b","n":3}')
        stream = folder.reader("json", schemaHints="index INT").load(str(folder.files))
        assert dict(stream.dtypes) == {
            "index": "int",
            "n": "string",
            "title": "string",
            "partition": "string",
            "_rescued_data": "string",
        }
        rows = folder.run(stream).orderBy("n").collect()
        assert [tuple(row)[:4] for row in rows] == [
            (7, "1.5", "é", "0"),
            (None, "2", None, "0"),
            (None, "3", "b", "1"),
        ]
        assert [row._rescued_data for row in rows[:2]] == [None, None]
        rescued = json.loads(rows[2]._rescued_data)
        path = rescued.pop("_file_path")
        assert rescued == {"index": "seven"}
        assert path.endswith(bad.name)
        again = folder.reader("json", schemaHints="index INT").load(str(folder.files))
        assert folder.run(again).count() == 3
    finally:
        spark.conf.set("spark.sql.ansi.enabled", "true")


def test_the_stored_schema_is_found_and_a_later_column_is_rescued(folder: Folder) -> None:
    folder.write("a.json", '{"ind":1}')
    assert folder.run(folder.reader("json").load(str(folder.files))).count() == 1
    folder.write("b.json", '{"ind":2,"more":{"x":[1]},"none":null}', "junk", "")
    stream = folder.reader("json").load(str(folder.files))
    assert stream.columns == ["ind", "_rescued_data"]
    found = {row.ind: row._rescued_data for row in folder.run(stream).collect()}
    assert found.keys() == {"1", "2", None}
    assert {**json.loads(found["2"]), "_file_path": ""} == {
        "more": {"x": [1]},
        "none": None,
        "_file_path": "",
    }
    assert json.loads(found[None])["_corrupt_record"] == "junk"


def test_types_are_inferred_on_request(folder: Folder) -> None:
    folder.write("partition=3/a.json", '{"ind":1,"score":1.5,"who":{"age":2}}')
    stream = folder.reader("json", inferColumnTypes=True).load(str(folder.files))
    assert dict(stream.dtypes) == {
        "ind": "bigint",
        "score": "double",
        "who": "struct<age:bigint>",
        "partition": "int",
        "_rescued_data": "string",
    }


def test_csv_with_a_header(folder: Folder) -> None:
    folder.write("a.csv", "ind,city", "1,Rome", 'x,"a, b"')
    folder.write("b.csv", "ind,city", "3,Oslo,more")
    reader = folder.reader("csv", schemaHints="ind INT").option("header", True)
    rows = folder.run(reader.load(str(folder.files))).collect()
    assert {row.city: row.ind for row in rows} == {"Rome": 1, "a, b": None, "Oslo": 3}
    rescued = {row.city: json.loads(row._rescued_data or "{}") for row in rows}
    assert rescued["Rome"] == {}
    assert rescued["a, b"]["ind"] == "x"
    assert rescued["Oslo"]["_corrupt_record"] == "3,Oslo,more"


def test_parquet_has_its_types_and_hints(folder: Folder, spark: SparkSession) -> None:
    spark.range(3).selectExpr("id", "cast(id as string) text").write.parquet(str(folder.files))
    stream = folder.reader("parquet", schemaHints="text INT").load(str(folder.files))
    assert sorted(map(tuple, folder.run(stream).collect())) == [
        (0, 0, None),
        (1, 1, None),
        (2, 2, None),
    ]


def test_text_has_a_fixed_schema(folder: Folder, spark: SparkSession) -> None:
    folder.write("a.txt", "one", "two")
    reader = spark.readStream.format("cloudFiles").option("cloudFiles.format", "text")
    rows = folder.run(reader.load(str(folder.files))).collect()
    assert sorted(map(tuple, rows)) == [("one",), ("two",)]


def test_a_given_schema_needs_no_location(folder: Folder, spark: SparkSession) -> None:
    folder.write("a.json", '{"ind":1,"other":2}')
    reader = spark.readStream.option("cloudFiles.format", "json").schema("ind INT")
    stream = reader.load(str(folder.files), format="cloudFiles")
    assert stream.columns == ["ind"]
    named = reader.option("rescuedDataColumn", "rest").load(str(folder.files))
    row = folder.run(named).first()
    assert row is not None
    assert (row.ind, json.loads(row.rest)["other"]) == (1, 2)


def test_files_per_batch(folder: Folder) -> None:
    for number in range(3):
        folder.write(f"{number}.json", f'{{"ind":{number}}}')
    stream = folder.reader("json", maxFilesPerTrigger=1).load(str(folder.files))
    assert folder.run(stream).count() == 3
    assert len(list((folder.root / "checkpoint/commits").glob("[0-9]"))) == 3


def test_options_without_effect_are_one_warning(folder: Folder) -> None:
    folder.write("a.json", '{"ind":1}')
    reader = folder.reader("json", useNotifications=True, schemaEvolutionMode="none")
    expected = "options cloudFiles.schemaevolutionmode=none, cloudFiles.usenotifications=true$"
    with pytest.warns(UserWarning, match=expected):
        reader.load(str(folder.files))


def test_what_is_missing_is_named(folder: Folder, spark: SparkSession) -> None:
    reader = spark.readStream.format("cloudFiles")
    with pytest.raises(AutoLoaderError, match=r"cloudFiles\.format is ''"):
        reader.load(str(folder.files))
    reader = reader.option("cloudFiles.format", "json")
    with pytest.raises(AutoLoaderError, match="schemaLocation is missing"):
        reader.load(str(folder.files))
    with pytest.raises(AutoLoaderError, match="CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE"):
        folder.reader("json").load(str(folder.files))
    folder.files.mkdir(parents=True)
    with pytest.raises(AutoLoaderError, match="CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE"):
        folder.reader("json").load(str(folder.files))


def test_other_formats_are_unchanged(folder: Folder, spark: SparkSession) -> None:
    folder.write("a.json", '{"ind":1}')
    stream = spark.readStream.schema("ind INT").option("maxFilesPerTrigger", 1)
    assert [tuple(row) for row in folder.run(stream.json(str(folder.files))).collect()] == [(1,)]
    assert spark.readStream.format("rate").load().columns == ["timestamp", "value"]

"""The results are written if and only if one of their inputs has changed."""

import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from contract.results import RESULTS
from spark.pipeline.batch import queries
from spark.pipeline.batch import results as written_results
from spark.pipeline.batch.queries import DEFAULTS, ResultOptions
from spark.pipeline.batch.results import write_results
from spark.pipeline.delta.tables import Table
from spark.pipeline.errors import LockError
from spark.pipeline.schemas import CLEANED, KEY
from tests.support.lake import ID, rows

SOME = tuple(result for result in RESULTS if result.name in ("6a", "6b", "7", "8"))
"""A sample of the results: each takes a second to write."""
ALL = [result.name for result in SOME]
JOINED = datetime(2016, 5, 1)
ROWS = {
    PIN: [(k, None, "t", None, 10 * k, f"p{k}", None, None, None, None, "art") for k in (1, 2)],
    GEO: [(k, "Chad", None, datetime(2018, 1, 1)) for k in (1, 2)],
    USER: [(k, f"U {k}", 20, JOINED) for k in (1, 2)],
}


class Root:
    """A folder of cleaned tables and results."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self.spark, self.folder = spark, folder
        self.tables = {e: Table(f"{folder}/{names.table(ID, e)}") for e in ENTITIES}

    def fill(self, entity: Entity) -> None:
        """Create a cleaned table, in two commits."""
        table = self.tables[entity]
        table.create(self.spark, CLEANED[entity])
        table.merge(self.spark.createDataFrame(ROWS[entity], CLEANED[entity]), (KEY,))

    def result(self, name: str) -> Path:
        """Folder of a result."""
        return self.folder / names.result_table(ID, name)

    def versions(self) -> dict[str, int]:
        """Return the number of commits of each result."""
        return {n: len([*(self.result(n) / "_delta_log").glob("*.json")]) for n in ALL}

    def write(self, options: ResultOptions = DEFAULTS, killed_after: int = 99) -> list[str]:
        """Write the results; return the names of those that have a new commit."""
        before, checks = self.versions(), iter(range(killed_after))

        def check_lock() -> None:
            if next(checks, None) is None:
                raise LockError("killed")

        try:
            counts = write_results(self.spark, ID, str(self.folder), options, check_lock)
        except LockError:
            assert killed_after < len(ALL)
        else:
            assert counts == dict.fromkeys(ALL, 1) | {"6a": counts["6a"]}
            assert counts["6a"] == len(self.rows("6a"))
        after = self.versions()
        return [name for name in ALL if after[name] > before[name]]

    def rows(self, name: str) -> list[tuple[object, ...]]:
        """Rows of a result."""
        return [tuple(row.values()) for row in rows(Table(str(self.result(name))).read(self.spark))]


@pytest.fixture(scope="module", autouse=True)
def _some_results() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(written_results, "RESULTS", SOME)
        yield


@pytest.fixture(scope="module")
def written(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables and their results."""
    root = Root(spark, tmp_path_factory.mktemp("written"))
    for entity in ENTITIES:
        root.fill(entity)
    assert root.write() == ALL
    assert root.rows("6a") == [("Chad", "p2", 20)]
    return root.folder


@pytest.fixture
def root(spark: SparkSession, written: Path, tmp_path: Path) -> Root:
    """A copy, with the dates of its files."""
    shutil.copytree(written, tmp_path, dirs_exist_ok=True)
    return Root(spark, tmp_path)


def test_a_new_row_makes_all_results_again(root: Root) -> None:
    assert root.write() == []
    row = (3, None, None, None, 999, "p3", None, None, None, None, None)
    new = root.spark.createDataFrame([row], CLEANED[PIN])
    root.tables[PIN].merge(new, (KEY,))
    assert root.write() == ALL  # no result has other rows; each notes the new version
    assert root.write() == []


@pytest.mark.slow
def test_other_options_are_other_results(root: Root) -> None:
    assert root.write(ResultOptions(ties="first")) == ALL
    assert root.write(ResultOptions(ties="first")) == []
    assert root.write() == ALL


@pytest.mark.slow
def test_other_queries_are_other_results(
    root: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "queries.py"
    code.write_text(Path(queries.__file__).read_text() + "# changed")
    monkeypatch.setattr(queries, "__file__", str(code))
    assert root.write() == ALL


def test_a_missing_result_is_made(root: Root) -> None:
    shutil.rmtree(root.result("7"))
    assert root.write() == ["7"]
    assert root.rows("7") == [("18-24", "art", 2)]


@pytest.mark.slow
def test_a_run_continues_where_a_killed_one_ended(root: Root) -> None:
    options = ResultOptions(year="timestamp", count="rows")
    done = root.write(options, killed_after=3)
    assert len(done) == 3
    assert root.write(options) == [name for name in ALL if name not in done]


@pytest.mark.slow
def test_a_result_that_another_program_changed_is_made_again(root: Root) -> None:
    found = root.spark.createDataFrame([("Nowhere", 1)], "country string, follower_count bigint")
    found.write.format("delta").mode("append").save(str(root.result("6b")))
    assert root.write() == ["6b"]
    assert root.rows("6b") == [("Chad", 20)]


@pytest.mark.slow
def test_a_table_that_was_created_again_counts_as_changed(root: Root) -> None:
    """The new table has the same version and other rows."""
    before = root.tables[USER].last_commit(root.spark)
    shutil.rmtree(root.tables[USER].uri)
    table = root.tables[USER]
    table.create(root.spark, CLEANED[USER])
    older = [(1, "U 1", 60, JOINED), (2, "U 2", 60, JOINED)]
    table.merge(root.spark.createDataFrame(older, CLEANED[USER]), (KEY,))
    assert table.last_commit(root.spark).version == before.version
    assert root.write() == ALL
    assert root.rows("8") == [("50+", 15.0)]

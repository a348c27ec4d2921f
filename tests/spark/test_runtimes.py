"""What a program finds on a Databricks runtime below 17, and from 17 on."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.errors import DateTimeException, NumberFormatException, SparkUpgradeException
from pyspark.sql import SparkSession

from services.databricks.engine.runtimes import CHANGED, session_conf

HABITS = Path(__file__).parent / "programs" / "habits.py"


@contextmanager
def runtime(spark: SparkSession, version: int) -> Iterator[SparkSession]:
    """A session with the defaults of a runtime."""
    session = spark.newSession()
    for name, value in session_conf(version, {}).items():
        session.conf.set(name, value)
    yield session
    # A session of Python is the active one until another is.
    spark.sql("SELECT 1").collect()


@pytest.mark.parametrize("setting", CHANGED, ids=lambda setting: setting.name)
def test_the_newest_default_is_that_of_spark(spark: SparkSession, setting: object) -> None:
    jvm = spark._jvm
    assert jvm is not None
    defaults = jvm.org.apache.spark.sql.internal.SQLConf()
    assert defaults.getConfString(setting.name) == setting.after  # type: ignore[attr-defined]


CHANGES = {
    "'5k'": ("SELECT CAST('5k' AS INT)", None),
    "a date": ("SELECT to_date('Jan 1', 'yyyy-MM-dd')", None),
    "a number and a text": ("SELECT 1 = 'x'", None),
    "a quote": ("SELECT 'a''b'", "ab"),
    "a split": ("SELECT concat_ws('-', split('abcd', '', 2))", "a-b"),
    "an unknown character": ("SELECT decode(encode('é', 'US-ASCII'), 'US-ASCII')", "?"),
    "a character set": ("SELECT decode(encode('a', 'windows-1252'), 'windows-1252')", "a"),
}


@pytest.mark.parametrize(("query", "result"), CHANGES.values(), ids=CHANGES)
def test_a_result_of_older_runtimes(spark: SparkSession, query: str, result: str | None) -> None:
    with runtime(spark, 16) as session:
        assert session.sql(query).collect() == [(result,)]
    with runtime(spark, 18) as session:
        try:
            assert session.sql(query).collect() != [(result,)]
        except Exception as error:
            assert type(error).__module__ == "pyspark.errors.exceptions.captured"  # noqa: PT017


def test_a_date_that_spark_2_parsed_is_refused_by_older_runtimes(spark: SparkSession) -> None:
    query = "SELECT to_date('2020-1-2', 'yyyy-MM-dd')"
    with runtime(spark, 16) as session, pytest.raises(SparkUpgradeException):
        session.sql(query).collect()
    with runtime(spark, 18) as session, pytest.raises(DateTimeException):
        session.sql(query).collect()


def test_chains_of_replacements_give_numbers_in_both_modes(spark: SparkSession) -> None:
    """Cells that clean follower counts: a text that is not a number is where they differ."""
    query = (
        "SELECT CAST(regexp_replace(regexp_replace(n, 'k$', '000'), 'M$', '000000') AS INT)"
        " FROM VALUES {} AS t(n)"
    )
    for version in (16, 18):
        with runtime(spark, version) as session:
            rows = session.sql(query.format("('5k'), ('2M'), ('17')")).collect()
            assert [row[0] for row in rows] == [5000, 2_000_000, 17]
    with runtime(spark, 16) as session:
        assert session.sql(query.format("('User Info Error')")).collect() == [(None,)]
    with runtime(spark, 18) as session, pytest.raises(NumberFormatException):
        session.sql(query.format("('User Info Error')")).collect()


@pytest.mark.usefixtures("spark")  # its environment has the settings and the path of Python
@pytest.mark.slow
@pytest.mark.parametrize(("version", "error"), [(16, ""), (17, "name 'countDistinct' is not")])
def test_the_names_that_spark_4_removed(version: int, error: str) -> None:
    """In a process of its own: the names stay in pyspark's modules."""
    run = subprocess.run(
        [sys.executable, str(HABITS), str(version)], capture_output=True, text=True, check=False
    )
    assert (run.returncode == 0) == (not error), run.stderr
    assert error in run.stderr


def test_a_test_process_has_the_names_of_spark_4() -> None:
    functions = importlib.import_module("pyspark.sql.functions")
    assert "countDistinct" not in functions.__all__

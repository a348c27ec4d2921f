"""The nine results: every option on a few rows, the defaults on all posts."""

from datetime import datetime
from typing import Any

import pytest
from pyspark.sql import SparkSession

from contract.entities import ENTITIES
from contract.results import RESULTS
from emulator.dataset.generate import Block
from spark.pipeline.batch.queries import DEFAULTS, ResultOptions, ordered, posts, results
from spark.pipeline.cleaning import clean, newest
from spark.pipeline.parse import good, parse
from tests.spark.conftest import Records
from tests.support.data import lines
from tests.support.oracle import Oracle

# ind, category, poster, followers | country, posted | name, age, joined
POSTS: tuple[tuple[Any, ...], ...] = (
    (1, "art", "p", 100, "Albania", "2018-01-01", "P", 24, 2015),
    (2, "art", "p", 100, "Albania", "2018-06-01", "P", 24, 2015),
    (3, "travel", "p", 100, "Albania", "2019-01-01", "P", 24, 2015),
    (4, "travel", "q", 300, "Albania", "2018-01-01", "Q", 18, 2015),
    (5, "quotes", "q", 300, "Benin", "2017-12-31", "Q", 18, 2015),
    (6, "quotes", "r", 300, "Benin", "2022-12-31", "R", 50, 2020),
    (7, "art", None, None, "Benin", "2023-01-01", "S", 51, 2021),
    (8, None, "t", 900, None, None, "T", 17, 2015),
    (9, "art", "u", 20, "Chad", "2019-05-05", "U", None, 2014),
)


def small(
    spark: SparkSession, options: ResultOptions, *wanted: str
) -> dict[str, set[tuple[Any, ...]]]:
    """Return the wanted results for POSTS."""

    def date(text: str | None) -> datetime | None:
        return datetime.fromisoformat(text) if text else None

    pin = spark.createDataFrame(
        [(p[0], p[1], p[2], p[3]) for p in POSTS],
        "ind long, category string, poster_name string, follower_count long",
    )
    geo = spark.createDataFrame(
        [(p[0], p[4], date(p[5])) for p in POSTS], "ind long, country string, timestamp timestamp"
    )
    user = spark.createDataFrame(
        [(p[0], p[6], p[7], datetime(p[8], 3, 1)) for p in POSTS],
        "ind long, user_name string, age long, date_joined timestamp",
    )
    found = results(posts(pin, geo, user).persist(), options)
    return {name: {tuple(row) for row in found[name].collect()} for name in wanted}


DEFAULT_ROWS: dict[str, set[tuple[Any, ...]]] = {
    "4": {
        ("Albania", "art", 2),
        ("Albania", "travel", 2),
        ("Benin", "quotes", 2),
        ("Chad", "art", 1),
    },
    "5": {
        (2018, "art", 2),
        (2018, "travel", 1),
        (2019, "travel", 1),
        (2019, "art", 1),
        (2022, "quotes", 1),
    },
    "6a": {("Albania", "q", 300), ("Benin", "q", 300), ("Benin", "r", 300), ("Chad", "u", 20)},
    "6b": {("Albania", 300)},
    "7": {
        ("18-24", "art", 2),
        ("18-24", "travel", 2),
        ("36-50", "quotes", 1),
        ("50+", "art", 1),
    },
    "8": {("18-24", 200.0), ("36-50", 300.0)},
    "9": {(2015, 3), (2020, 1)},
    "10": {(2015, 300.0), (2020, 300.0)},
    "11": {("18-24", 2015, 200.0), ("36-50", 2020, 300.0)},
}


def test_defaults(spark: SparkSession) -> None:
    assert small(spark, DEFAULTS, *(result.name for result in RESULTS)) == DEFAULT_ROWS


def test_first_of_a_tie_is_the_first_by_name(spark: SparkSession) -> None:
    found = small(spark, ResultOptions(ties="first"), "4", "6a", "7")
    assert found["4"] == DEFAULT_ROWS["4"] - {("Albania", "travel", 2)}
    assert found["6a"] == DEFAULT_ROWS["6a"] - {("Benin", "r", 300)}
    assert found["7"] == DEFAULT_ROWS["7"] - {("18-24", "travel", 2)}


def test_top_keeps_the_first_places_of_a_year(spark: SparkSession) -> None:
    assert small(spark, ResultOptions(top=1), "5")["5"] == DEFAULT_ROWS["5"] - {(2018, "travel", 1)}
    first = small(spark, ResultOptions(top=1, ties="first"), "5")["5"]
    assert first == {(2018, "art", 2), (2019, "art", 1), (2022, "quotes", 1)}


def test_rows_may_count_instead_of_users(spark: SparkSession) -> None:
    found = small(spark, ResultOptions(count="rows"), "8", "9", "10")
    assert found["8"] == {("18-24", 100.0), ("36-50", 300.0)}
    assert found["9"] == {(2015, 6), (2020, 1)}
    assert found["10"] == {(2015, 200.0), (2020, 300.0)}


def test_the_year_may_be_that_of_posting(spark: SparkSession) -> None:
    found = small(spark, ResultOptions(year="timestamp"), "8", "9", "10", "11")
    # P posts in 2018 and 2019 and counts once in each.
    assert found["9"] == {(2017, 1), (2018, 2), (2019, 2)}
    assert found["10"] == {(2017, 300.0), (2018, 200.0), (2019, 60.0)}
    assert found["11"] == {("18-24", 2017, 300.0), ("18-24", 2018, 200.0), ("18-24", 2019, 100.0)}
    assert found["8"] == DEFAULT_ROWS["8"]


@pytest.mark.slow
def test_the_results_of_all_posts_equal_the_oracle(
    records: Records, block: Block, oracle: Oracle
) -> None:
    frames = []
    for entity in ENTITIES:
        frame = clean(good(parse(records(*lines(entity, block.rows(entity))), entity)), entity)
        frames.append(newest(frame).persist())
        found = {row[0]: tuple(row) for row in frames[-1].collect()}
        assert found == oracle.cleaned(entity.name)
    for name, frame in results(posts(*frames)).items():
        rows = [tuple(row) for row in ordered(frame, name).collect()]
        assert len(rows) == len(set(rows))
        assert set(rows) == oracle.result(name), f"result {name}"
    for frame in frames:
        frame.unpersist()

"""The nine historical results (specification, section 8), by the names of ``contract.results``.

Where the original is ambiguous, ``ResultOptions`` names the choices. Fixed choices:

- A question does not count posts without the value that it groups by (country, category, age,
  year); an age under 18 is in no group.
- Name, age and joining date identify a user: they are constant per user in the user table. The
  poster's name does not identify a user, because it is null where the scraper failed.
- A median leaves out users without a follower count; the most followed user has a name.
- ``6b`` is one row: of countries whose most followed users are equal, the first by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Literal

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

YEARS_POSTED = (2018, 2022)
"""Years of question 5, both included."""
YEARS_JOINED = (2015, 2020)
"""Years of questions 9 to 11, both included."""
USER = ("user_name", "age", "date_joined")
"""What identifies a user."""


ORDER = {
    "4": ("country", "-category_count", "category"),
    "5": ("post_year", "-category_count", "category"),
    "6a": ("country", "poster_name"),
    "6b": ("country",),
    "7": ("age_group", "-category_count", "category"),
    "8": ("age_group",),
    "9": ("post_year",),
    "10": ("post_year",),
    "11": ("age_group", "post_year"),
}
"""Order of the rows in a result's table; ``-`` is highest first."""


YOUNGEST = {"18-24": 18, "25-35": 25, "36-50": 36, "50+": 51}
"""The age with which each age group begins."""


@dataclass(frozen=True, slots=True)
class ResultOptions:
    """Choices where the original is ambiguous. The defaults are the project's answers."""

    ties: Literal["all", "first"] = "all"
    """Questions 4, 6a and 7: every row that shares the first place, or the first by name."""
    top: int | None = None
    """Question 5: only the first places of a year (``ties`` applies)."""
    year: Literal["date_joined", "timestamp"] = "date_joined"
    """Questions 9 to 11: the year in which a user joined, or in which they posted."""
    count: Literal["users", "rows"] = "users"
    """Questions 8 to 11: a user counts once, or once per post."""


DEFAULTS = ResultOptions()


def posts(pin: DataFrame, geo: DataFrame, user: DataFrame) -> DataFrame:
    """Join the cleaned tables, one row per key; rows that have not arrived yet are null.

    Each question leaves out posts that lack a value it needs, so that one join serves all of them.
    """
    return (
        pin.select("ind", "category", "poster_name", "follower_count")
        .join(geo.select("ind", "country", "timestamp"), "ind", "full")
        .join(user.select("ind", *USER), "ind", "full")
    )


def results(posts: DataFrame, options: ResultOptions = DEFAULTS) -> dict[str, DataFrame]:
    """Return the nine results by name; their rows have no order."""
    posts = posts.withColumn("age_group", age_group(F.col("age")))
    most_followed = _most_followed(posts)
    in_years = posts.withColumn("post_year", F.year(options.year)).where(
        F.col("post_year").between(*YEARS_JOINED)
    )
    return {
        "4": _popular(posts, "country", options),
        "5": _per_year(posts, options),
        "6a": _leaders(most_followed, "country", "follower_count", ("poster_name",), options),
        "6b": most_followed.orderBy(F.desc("follower_count"), "country")
        .select("country", "follower_count")
        .limit(1),
        "7": _popular(posts, "age_group", options),
        "8": _median(posts, ("age_group",), options),
        "9": _people(in_years, ("post_year",), options)
        .groupBy("post_year")
        .agg(F.count("*").alias("number_users_joined")),
        "10": _median(in_years, ("post_year",), options),
        "11": _median(in_years, ("age_group", "post_year"), options),
    }


def ordered(rows: DataFrame, name: str) -> DataFrame:
    """Put the rows of a result in order, in one partition."""
    # orderBy is not used: it runs another job to sample its input before it sorts.
    return rows.coalesce(1).sortWithinPartitions(
        *(F.desc(column[1:]) if column[0] == "-" else F.asc(column) for column in ORDER[name])
    )


def age_group(age: Column) -> Column:
    """Return the name of the age group, or null."""
    name = F.lit(None).cast("string")
    for group, youngest in YOUNGEST.items():
        name = F.when(age >= youngest, group).otherwise(name)
    return name


def _leaders(
    rows: DataFrame,
    of: str,
    score: str,
    names: tuple[str, ...],
    options: ResultOptions,
    top: int = 1,
) -> DataFrame:
    """Keep the rows with the ``top`` highest scores of each ``of``."""
    order = [F.desc(score)]
    if options.ties == "first":
        order += [F.asc(name) for name in names]
    place = F.rank().over(Window.partitionBy(of).orderBy(*order))
    return rows.withColumn("place", place).where(F.col("place") <= top).select(of, *names, score)


def _popular(posts: DataFrame, of: str, options: ResultOptions) -> DataFrame:
    counted = (
        posts.where(F.col(of).isNotNull() & F.col("category").isNotNull())
        .groupBy(of, "category")
        .agg(F.count("*").alias("category_count"))
    )
    return _leaders(counted, of, "category_count", ("category",), options)


def _per_year(posts: DataFrame, options: ResultOptions) -> DataFrame:
    counted = (
        posts.withColumn("post_year", F.year("timestamp"))
        .where(F.col("post_year").between(*YEARS_POSTED) & F.col("category").isNotNull())
        .groupBy("post_year", "category")
        .agg(F.count("*").alias("category_count"))
    )
    if options.top is None:
        return counted
    return _leaders(counted, "post_year", "category_count", ("category",), options, top=options.top)


def _most_followed(posts: DataFrame) -> DataFrame:
    return (
        posts.where("country is not null and poster_name is not null")
        .where("follower_count is not null")
        .groupBy("country", "poster_name")
        .agg(F.max("follower_count").alias("follower_count"))
    )


def _people(
    rows: DataFrame, groups: tuple[str, ...], options: ResultOptions, *values: Column
) -> DataFrame:
    """Reduce rows to one per user and group, unless every row counts."""
    known = reduce(or_, (F.col(name).isNotNull() for name in USER))
    if options.count == "rows":
        return rows.where(known)
    return rows.where(known).groupBy(*groups, *USER).agg(F.count("*").alias("posts"), *values)


def _median(posts: DataFrame, groups: tuple[str, ...], options: ResultOptions) -> DataFrame:
    """Return the exact median; of an even number of users it is the mean of the middle two."""
    known = posts.where(F.col("follower_count").isNotNull())
    for group in groups:
        known = known.where(F.col(group).isNotNull())
    most = F.max("follower_count").alias("follower_count")
    return (
        _people(known, groups, options, most)
        .groupBy(*groups)
        .agg(F.median("follower_count").alias("median_follower_count"))
    )

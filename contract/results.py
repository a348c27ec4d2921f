"""The nine historical results: their questions and columns.

The numbers are those of the original's questions. Spark (``spark/pipeline``) computes the results,
and ``pinpipe results`` prints them.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One result, which has a Delta table of its own."""

    name: str
    """Number of the question, such as ``6a``."""
    question: str
    columns: tuple[str, ...]


RESULTS = (
    Result("4", "Most popular category in each country", ("country", "category", "category_count")),
    Result(
        "5",
        "Posts per category and year, 2018 to 2022, most popular first",
        ("post_year", "category", "category_count"),
    ),
    Result(
        "6a", "Most followed user of each country", ("country", "poster_name", "follower_count")
    ),
    Result("6b", "Country with the most followed user", ("country", "follower_count")),
    Result("7", "Most popular category by age group", ("age_group", "category", "category_count")),
    Result("8", "Median follower count by age group", ("age_group", "median_follower_count")),
    Result("9", "Users joined per year, 2015 to 2020", ("post_year", "number_users_joined")),
    Result(
        "10",
        "Median follower count by joining year, 2015 to 2020",
        ("post_year", "median_follower_count"),
    ),
    Result(
        "11",
        "Median follower count by joining year and age group",
        ("age_group", "post_year", "median_follower_count"),
    ),
)

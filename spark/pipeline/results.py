"""The batch road's second half: the nine results as Delta tables, from the cleaned tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F

from contract import names
from contract.entities import ENTITIES
from contract.results import RESULTS, Result
from spark.pipeline.lock import Guard
from spark.pipeline.queries import Options, ordered, results
from spark.pipeline.schemas import CLEANED
from spark.pipeline.tables import Table

AT_ONCE = 3
"""Results written at once: each waits for S3 more than it computes."""

NEEDED = {
    "pin": ("ind", "category", "poster_name", "follower_count"),
    "geo": ("ind", "country", "timestamp"),
    "user": ("ind", "user_name", "age", "date_joined"),
}
"""Columns of the cleaned tables that the questions ask for."""


def write_results(
    spark: SparkSession, user_id: str, root: str, options: Options, guard: Guard
) -> dict[str, int]:
    """Compute the nine results from the tables below ``root`` and write each as a table.

    Returns:
        The number of rows of each result, by name.
    """
    cleaned: dict[str, DataFrame] = {}
    for entity in ENTITIES:
        table = Table(f"{root}/{names.table(user_id, entity)}")
        table.create(spark, CLEANED[entity])
        cleaned[entity.name] = table.read(spark).select(*NEEDED[entity.name]).persist()
    try:
        frames = results(**cleaned, options=options)

        def write(result: Result) -> tuple[str, int]:
            seen = Observation()
            rows = ordered(frames[result.name].select(*result.columns), result.name)
            guard()
            table = Table(f"{root}/{names.result_table(user_id, result.name)}")
            table.replace(rows.observe(seen, F.count(F.lit(1)).alias("rows")))
            return result.name, seen.get["rows"]

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(pool.map(write, RESULTS))
    finally:
        for frame in cleaned.values():
            frame.unpersist()

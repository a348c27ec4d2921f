"""The batch road's second half: the nine results as Delta tables, from the cleaned tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES
from contract.results import RESULTS, Result
from spark.pipeline.lock import Guard
from spark.pipeline.queries import Options, ordered, posts, results
from spark.pipeline.tables import Table

AT_ONCE = 4
"""Results written at once: each waits for S3 more than it computes."""


def write_results(
    spark: SparkSession, user_id: str, root: str, options: Options, guard: Guard
) -> dict[str, int]:
    """Compute the nine results from the tables below ``root`` and write each as a table.

    Returns:
        The number of rows of each result, by name.
    """
    tables = {e.name: Table(f"{root}/{names.table(user_id, e)}") for e in ENTITIES}
    joined = posts(**{name: table.read(spark) for name, table in tables.items()}).persist()
    try:
        frames = results(joined, options)

        def write(result: Result) -> tuple[str, int]:
            rows = ordered(frames[result.name].select(*result.columns), result.name)
            guard()
            table = Table(f"{root}/{names.result_table(user_id, result.name)}")
            return result.name, table.replace(rows)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(pool.map(write, RESULTS))
    finally:
        joined.unpersist()

"""Hop 7, the batch pipeline's second half: from the cleaned tables to the nine results.

``queries`` computes the results. A result is written again only if one of its inputs has changed.
The commit that writes its rows contains a description of the inputs, so that the next run
recognises the results that a killed run did not write, and tables that another program changed.
"""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES
from contract.results import RESULTS, Result
from spark.pipeline.batch import queries
from spark.pipeline.batch.queries import ResultOptions, ordered, posts, results
from spark.pipeline.delta.lock import LockCheck
from spark.pipeline.delta.tables import Commit, Table

THREADS = 4
"""Tables read or written at once: each waits for S3 longer than it computes."""


def write_results(
    spark: SparkSession, user_id: str, root: str, options: ResultOptions, check_lock: LockCheck
) -> dict[str, int]:
    """Compute those of the nine results that are out of date and write each as a table.

    Returns:
        The number of rows of each result, by name.
    """
    cleaned = [Table(f"{root}/{names.table(user_id, entity)}") for entity in ENTITIES]
    tables = {r.name: Table(f"{root}/{names.result_table(user_id, r.name)}") for r in RESULTS}
    with ThreadPoolExecutor(THREADS) as pool:
        commits = list(pool.map(lambda table: table.last_commit(spark), cleaned))
        origin = _origin(commits, options)
        present = pool.map(lambda table: _current_rows(spark, table, origin), tables.values())
        row_counts = dict(zip(tables, present, strict=True))
        stale = [result for result in RESULTS if row_counts[result.name] is None]
        if stale:
            # These versions are named in `origin`, whatever was committed since.
            frames = {
                entity.name: table.read(spark, commit.version)
                for entity, table, commit in zip(ENTITIES, cleaned, commits, strict=True)
            }
            joined = posts(**frames).persist()
            try:
                answers = results(joined, options)

                def write(result: Result) -> int:
                    rows = ordered(answers[result.name].select(*result.columns), result.name)
                    check_lock()
                    return tables[result.name].replace(rows, {"origin": origin})

                row_counts.update(zip((r.name for r in stale), pool.map(write, stale), strict=True))
            finally:
                joined.unpersist()
    return {name: count for name, count in row_counts.items() if count is not None}


def _origin(commits: list[Commit], options: ResultOptions) -> dict[str, Any]:
    """Describe the inputs of the results: the cleaned tables, the options and the queries' code."""
    code = Path(queries.__file__).read_bytes()
    return {
        "tables": {e.name: [c.version, c.at] for e, c in zip(ENTITIES, commits, strict=True)},
        "options": asdict(options),
        "columns": {result.name: list(result.columns) for result in RESULTS},
        "queries": hashlib.sha256(code).hexdigest(),
    }


def _current_rows(spark: SparkSession, table: Table, origin: Mapping[str, Any]) -> int | None:
    """Return the number of rows of a result if it is up to date, else None."""
    note = table.last_commit(spark).note if table.exists(spark) else {}
    return int(note["rows"]) if note.get("origin") == origin else None

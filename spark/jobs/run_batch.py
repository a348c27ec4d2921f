"""Hop 7, the batch pipeline: cleans the new objects and computes the nine results.

Stands for the Databricks job that Airflow starts. It may be repeated and killed at any point.

    spark/run.sh spark.jobs.run_batch --json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from contract.entities import ENTITIES
from contract.names import TOPICS_DIR
from contract.settings import Settings
from contract.values import positive, seconds
from spark.pipeline.batch.ingest import BatchLocation, Counts, ingest
from spark.pipeline.batch.queries import ResultOptions
from spark.pipeline.batch.results import write_results
from spark.pipeline.delta.lock import writer_lock
from spark.pipeline.errors import FAILURES, first_line
from spark.pipeline.session import session


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; return its exit code, 1 with a line on stderr if the job fails."""
    arguments = _arguments(argv)
    options = ResultOptions(arguments.ties, arguments.top, arguments.year, arguments.count)
    try:
        settings = Settings.from_environ()
        root = settings.batch_root
        objects = arguments.objects or f"s3://{settings.bucket}/{TOPICS_DIR}"
        with writer_lock(root, settings.aws_region, arguments.wait) as check_lock:
            spark = session("run_batch")
            locations = [
                BatchLocation.of(entity, settings.user_id, objects, root) for entity in ENTITIES
            ]
            counts = ingest(spark, locations, check_lock)
            results = write_results(spark, settings.user_id, root, options, check_lock)
    except FAILURES as error:
        sys.stderr.write(f"run_batch: {first_line(error)}\n")
        return 1
    sys.stdout.write((_json if arguments.json else _text)(counts, results) + "\n")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_batch", description=(__doc__ or "").split("\n")[0])
    default = ResultOptions()
    parser.add_argument("--json", action="store_true", help="print the counts as a JSON line")
    parser.add_argument("--objects", help="URI of the topics' folder; by default in the bucket")
    parser.add_argument(
        "--wait", type=seconds, default=600, help="seconds to wait for another run (%(default)s)"
    )
    parser.add_argument(
        "--ties",
        choices=["all", "first"],
        default=default.ties,
        help="questions 4, 6a and 7: every row that shares the first place, or one (%(default)s)",
    )
    parser.add_argument(
        "--top",
        type=positive,
        default=default.top,
        help="question 5: only so many places of each year; by default all",
    )
    parser.add_argument(
        "--year",
        choices=["date_joined", "timestamp"],
        default=default.year,
        help="questions 9 to 11: year of joining, or of the post (%(default)s)",
    )
    parser.add_argument(
        "--count",
        choices=["users", "rows"],
        default=default.count,
        help="questions 8 to 11: count each user once, or once per post (%(default)s)",
    )
    return parser.parse_args(argv)


def _json(counts: list[Counts], results: dict[str, int]) -> str:
    entities = {c.entity: asdict(c) for c in counts}
    return json.dumps({"entities": entities, "results": results})


def _text(counts: list[Counts], results: dict[str, int]) -> str:
    lines = [
        f"{c.entity}: {c.objects} objects, {c.records} records: {c.good} good,"
        f" {c.quarantined} quarantined; {c.table} has {c.table_rows} rows"
        f" at version {c.table_version}"
        for c in counts
    ]
    return "\n".join([*lines, "rows of the results: " + json.dumps(results)])


if __name__ == "__main__":
    sys.exit(main())

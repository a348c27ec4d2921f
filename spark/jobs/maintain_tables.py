"""Hop 7: joins the small files of the batch tables and removes files that only old versions need.

Stands for the Databricks job that Airflow's second DAG starts. It may be repeated, killed at any
point, and run at the same time as the other jobs. The streaming job maintains its own tables.

    spark/run.sh spark.jobs.maintain_tables --json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from contract.settings import Settings
from contract.values import seconds
from spark.pipeline.delta.lock import writer_lock
from spark.pipeline.delta.maintenance import TableReport, batch_tables, maintain
from spark.pipeline.errors import FAILURES, first_line
from spark.pipeline.session import session


def main(argv: Sequence[str] | None = None) -> int | str:
    """Run the job; return 0, or the line that says why the job failed."""
    arguments = _arguments(argv)
    try:
        settings = Settings.from_environ()
        root, user_id = settings.batch_root, settings.user_id
        with writer_lock(root, settings.aws_region, arguments.wait) as check_lock:
            spark = session("maintain_tables")
            done = maintain(spark, root, batch_tables(user_id), check_lock)
    except FAILURES as error:
        return f"maintain_tables: {first_line(error)}"
    sys.stdout.write((_json if arguments.json else _text)(done) + "\n")
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="maintain_tables", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", action="store_true", help="print the result as a JSON line")
    parser.add_argument(
        "--wait", type=seconds, default=600, help="seconds to wait for a batch (%(default)s)"
    )
    return parser.parse_args(argv)


def _json(done: list[TableReport]) -> str:
    return json.dumps({"tables": [asdict(table) for table in done]})


def _text(done: list[TableReport]) -> str:
    lines = [
        f"{table.table}: {table.files} files, {table.bytes} bytes; {table.joined} joined"
        + (f"; not joined: {table.conflict}" if table.conflict else "")
        for table in done
    ]
    return "\n".join(lines or ["there are no tables yet"])


if __name__ == "__main__":
    sys.exit(main())

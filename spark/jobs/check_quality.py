"""Hop 7, the quality gate: fails when the tables of the last batch do not match the objects.

Stands for the Databricks job that Airflow starts after the batch, before its tables are published.
It writes nothing and may run at any time.

    spark/run.sh spark.jobs.check_quality --until 2026-11-25T00:00:00+00:00
    spark/run.sh spark.jobs.check_quality --thresholds '{"quarantine_share": 0.05}' --json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, astuple, fields
from datetime import UTC, datetime

from contract.entities import ENTITIES
from contract.names import TOPICS_DIR
from contract.settings import Settings
from spark.pipeline.batch.ingest import BatchLocation
from spark.pipeline.errors import FAILURES, JobError, first_line
from spark.pipeline.quality import thresholds
from spark.pipeline.quality.gate import Check, check
from spark.pipeline.session import session


def main(argv: Sequence[str] | None = None) -> int | str:
    """Run the job; return 0, or one line with the failed checks or the reason why none was made.

    ``sys.exit`` writes the line to stderr and exits with 1. A client of Databricks' Jobs API gets
    the line as the run's error, which it would not get for an exit code.
    """
    arguments = _arguments(argv)
    try:
        settings = Settings.from_environ()
        limits = thresholds.read(arguments.thresholds)
        until = _time(arguments.until) if arguments.until else datetime.now(UTC)
        objects = arguments.objects or f"s3://{settings.bucket}/{TOPICS_DIR}"
        spark = session("check_quality")
        locations = [
            BatchLocation.of(e, settings.user_id, objects, settings.batch_root) for e in ENTITIES
        ]
        checks = check(spark, locations, limits, until)
    except FAILURES as error:
        return f"check_quality: {first_line(error)}"
    sys.stdout.write((_json if arguments.json else _table)(checks) + "\n")
    failed = [str(found) for found in checks if not found.ok]
    if failed:
        return f"check_quality: {len(failed)} of {len(checks)} checks failed: {'; '.join(failed)}"
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="check_quality", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--json", action="store_true", help="print the checks as a JSON document")
    parser.add_argument("--objects", help="URI of the topics' folder; by default in the bucket")
    parser.add_argument(
        "--until", help="end of the checked interval, ISO 8601, UTC without a zone; by default now"
    )
    parser.add_argument(
        "--thresholds",
        default="{}",
        help="JSON object of thresholds in place of the defaults: "
        + ", ".join(f"{t.name} {t.default:g}" for t in thresholds.THRESHOLDS),
    )
    return parser.parse_args(argv)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise JobError(f"--until is {text!r}, not a date and time in ISO 8601") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _json(checks: list[Check]) -> str:
    return json.dumps({"ok": all(c.ok for c in checks), "checks": [asdict(c) for c in checks]})


def _table(checks: list[Check]) -> str:
    lines = [[field.name for field in fields(Check)]]
    lines += [[_cell(value) for value in astuple(found)] for found in checks]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "ok" if value else "FAILED"
    if isinstance(value, int | float):
        return f"{value:.6g}"
    return "-" if value in (None, "") else str(value)


if __name__ == "__main__":
    sys.exit(main())

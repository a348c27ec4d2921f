"""Hop 7, the streaming pipeline: cleans the records of the three streams and keeps live metrics.

Stands for a Databricks job that runs all the time. It may be killed at any point and continues
from its checkpoints; SIGTERM or SIGINT ends it in good order.

    spark/run.sh spark.jobs.run_stream --interval 0.5
    spark/run.sh spark.jobs.run_stream --once
"""

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from contract import names
from contract.entities import ENTITIES
from contract.settings import Settings
from contract.values import seconds, whole
from spark.pipeline.delta.lock import writer_lock
from spark.pipeline.delta.tables import Table
from spark.pipeline.errors import FAILURES, first_line
from spark.pipeline.session import session
from spark.pipeline.sources.kinesis import register
from spark.pipeline.streaming.live_table import LiveTable
from spark.pipeline.streaming.service import RestartPolicy, Service
from spark.pipeline.streaming.sink import StreamLocation


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; return its exit code, 1 with a line on stderr if the job fails."""
    arguments = _arguments(argv)
    try:
        settings = Settings.from_environ()
        root = settings.streaming_root
        with writer_lock(root, settings.aws_region, arguments.wait) as check_lock:
            spark = session("run_stream")
            register(spark, settings, failOnDataLoss=arguments.fail_on_data_loss)
            service = Service(
                spark,
                [StreamLocation.of(entity, settings.user_id, root) for entity in ENTITIES],
                LiveTable(spark, Table(f"{root}/{names.live_table(settings.user_id)}"), check_lock),
                partial(_kinesis, spark, settings, arguments.position),
                arguments.checkpoints or f"{root}/_checkpoints",
                check_lock,
                None if arguments.once else arguments.interval,
                RestartPolicy(arguments.restarts),
                arguments.alive.touch if arguments.alive else lambda: None,
            )
            with _stopped_by_signals(service):
                batches = service.run()
    except FAILURES as error:
        sys.stderr.write(f"run_stream: {first_line(error)}\n")
        return 1
    sys.stdout.write(json.dumps({"batches": batches}) + "\n")
    return 0


def _kinesis(spark: SparkSession, settings: Settings, position: str, stream: str) -> DataFrame:
    """Read a stream by the code that Databricks runs, too."""
    reader = spark.readStream.format("kinesis").option("streamName", stream)
    return reader.options(region=settings.aws_region, initialPosition=position).load()


@contextmanager
def _stopped_by_signals(service: Service) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the service; PySpark's own handler would cancel every job."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: service.stop()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run_stream", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--interval", type=_seconds, default=1.0, help="seconds between two batches (%(default)s)"
    )
    parser.add_argument("--once", action="store_true", help="read what has arrived, then end")
    parser.add_argument(
        "--checkpoints", help="folder or URI of the checkpoints; by default next to the tables"
    )
    parser.add_argument(
        "--position",
        default="trim_horizon",
        help="where to start in a stream without a checkpoint (%(default)s)",
    )
    parser.add_argument(
        "--fail-on-data-loss",
        choices=["true", "false"],
        default="true",
        help="whether to fail when records were lost before they were read; without effect on"
        " Databricks (%(default)s)",
    )
    parser.add_argument(
        "--alive", type=Path, help="file that is touched twice a second while all queries run"
    )
    parser.add_argument(
        "--restarts",
        type=whole,
        default=RestartPolicy().max_failures,
        help="failures in a row of a query before the job ends (%(default)s)",
    )
    parser.add_argument(
        "--wait", type=seconds, default=60, help="seconds to wait for another run (%(default)s)"
    )
    return parser.parse_args(argv)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not 0 to 3600 seconds")
    return seconds


if __name__ == "__main__":
    sys.exit(main())

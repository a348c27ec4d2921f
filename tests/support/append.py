"""A streaming query that appends each batch to a folder, without a check for repeated batches.

    spark/run.sh tests.support.append FOLDER --endpoint URL --streams NAMES [--die-in BATCH]

A batch is one file, ``<batch id>-<pid>.json``. A batch that is repeated after a crash is another
file with the same id: an append that accepts each id once is exactly-once if both files are equal.
"""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from contract.settings import Settings
from spark.pipeline.sources.kinesis import register

ROW = ("stream", "shardId", "sequenceNumber", "partitionKey", "data")


def main() -> None:
    """Run until a kill, or with ``--available-now`` until all records are read."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--streams", required=True)
    parser.add_argument("--die-in", type=int, help="batch after whose write the query is killed")
    parser.add_argument("--available-now", action="store_true")
    arguments = parser.parse_args()
    batches = arguments.folder / "batches"
    batches.mkdir(parents=True, exist_ok=True)

    def append(frame: DataFrame, batch: int) -> None:
        rows = [
            [value.decode() if isinstance(value, bytes | bytearray) else value for value in row]
            for row in frame.select(*ROW).collect()
        ]
        file = batches / f"{batch}-{os.getpid()}.json"
        file.with_suffix(".tmp").write_text(json.dumps(rows))
        file.with_suffix(".tmp").rename(file)
        sys.stdout.write(f"batch {batch} of {len(rows)}\n")
        sys.stdout.flush()
        if batch == arguments.die_in:
            os.killpg(0, signal.SIGKILL)

    spark = SparkSession.builder.appName("append").getOrCreate()
    register(spark, Settings.from_environ({"AWS_ENDPOINT_URL": arguments.endpoint}))
    stream = (
        spark.readStream.format("kinesis")
        .option("streamName", arguments.streams)
        .option("endpoint", arguments.endpoint)
        .option("awsAccessKey", "test")
        .option("awsSecretKey", "test")
        .option("initialPosition", "trim_horizon")
        .option("minFetchPeriod", "100ms")
        .load()
    )
    writer = stream.writeStream.foreachBatch(append).option(
        "checkpointLocation", str(arguments.folder / "checkpoint")
    )
    how = {"availableNow": True} if arguments.available_now else {"processingTime": "0 seconds"}
    writer.trigger(**how).start().awaitTermination()


if __name__ == "__main__":
    main()

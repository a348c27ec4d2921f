"""Reads a stream into Spark's no-op sink, once for each line on standard input.

    spark/run.sh tests.support.kinesis_read ENDPOINT STREAM

Each time it prints one JSON line: the number of records, the seconds from the start of the query to
its end, and the number of batches.
"""

import json
import sys
import tempfile
import time

from pyspark.sql import SparkSession

from contract.settings import Settings
from spark.pipeline.sources.kinesis import register


def main() -> None:
    """Read the stream once for each line on standard input."""
    endpoint, stream = sys.argv[1:]
    spark = SparkSession.builder.appName("kinesis_read").getOrCreate()
    register(spark, Settings.from_environ({"AWS_ENDPOINT_URL": endpoint}))
    for _ in sys.stdin:
        options = {
            "streamName": stream,
            "endpoint": endpoint,
            "awsAccessKey": "test",
            "awsSecretKey": "test",
            "initialPosition": "trim_horizon",
        }
        frame = spark.readStream.format("kinesis").options(**options).load()
        with tempfile.TemporaryDirectory() as checkpoint:
            writer = frame.writeStream.format("noop").option("checkpointLocation", checkpoint)
            began = time.perf_counter()
            query = writer.trigger(availableNow=True).start()
            query.awaitTermination()
            seconds = time.perf_counter() - began
        batches = [p for p in query.recentProgress if p["numInputRows"]]
        records = sum(p["numInputRows"] for p in batches)
        read = {"records": records, "seconds": seconds, "batches": len(batches)}
        sys.stdout.write(json.dumps(read) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

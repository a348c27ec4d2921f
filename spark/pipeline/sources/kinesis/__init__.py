"""Hop 7: Databricks' ``kinesis`` source for open Spark 4.1.

Databricks provides the format ``kinesis``. Here ``register`` adds it if ``AWS_ENDPOINT_URL`` is
set, so that the same code reads a stream in both places::

    from spark.pipeline.sources.kinesis import register

    register(spark, Settings.from_environ())
    posts = (
        spark.readStream.format("kinesis")
        .option("streamName", "streaming-0a1b2c3d4e5f-pin")
        .option("initialPosition", "trim_horizon")
        .load()
    )
    text = posts.selectExpr("partitionKey", "cast(data as string) as text", "shardId")
    text.writeStream.format("console").trigger(availableNow=True).start().awaitTermination()

which prints, if the stream holds two records::

    -------------------------------------------
    Batch: 0
    -------------------------------------------
    +------------+--------------+--------------------+
    |partitionKey|          text|             shardId|
    +------------+--------------+--------------------+
    |        7528|{"index":7528}|shardId-000000000000|
    |        2863|{"index":2863}|shardId-000000000000|
    +------------+--------------+--------------------+

Columns:

=============================== ========= =============================================
``partitionKey``                string    the sender's key; decides on the shard
``data``                        binary    the record's bytes
``stream``                      string    name of the stream
``shardId``                     string    the shard
``sequenceNumber``              string    the record's position in its shard, increasing
``approximateArrivalTimestamp`` timestamp arrival in Kinesis, in milliseconds
=============================== ========= =============================================

A record is read once: the offsets of a checkpoint contain the range of sequence numbers and the
number of records of each batch, so that a batch which is repeated after a crash has the same rows
(docs/decisions/0011-kinesis-source.md). A plain append that accepts each batch id once stores each
record once.

Options with their defaults; in brackets the fallback of an empty default, or Databricks' default if
it differs:

============================== ======== ============================================================
``streamName``                          names of the streams, separated by commas
``region``                              region of the streams (the setting AWS_REGION)
``endpoint``                            URL of Kinesis (AWS_ENDPOINT_URL)
``awsAccessKey``                        access key (the AWS SDK's chain)
``awsSecretKey``                        secret key that goes with it
``initialPosition``            latest   latest, trim_horizon, earliest (the same), or
                                        {"at_timestamp": "...", "format": "..."}
``maxRecordsPerFetch``         10000    records per call, at most
``maxFetchRate``               0        MB/s read from a shard, at most; 0 is no limit (Databricks:
                                        1.0)
``minFetchPeriod``             400ms    time between two calls to a shard that is read up to its end
``fetchBufferSize``            128mb    bytes fetched ahead for the next batch, all shards together
                                        (Databricks: 20gb)
``shardFetchInterval``         1s       time between two listings of the shards
``coalesce``                   true     put the rows of small shards into one task
``coalesceThresholdBlockSize`` 10000000 shards are small if they have fewer bytes than this on
                                        average
``coalesceBinSize``            16000000 bytes of the rows of a task, about (Databricks: 128000000)
``failOnDataLoss``             true     fail if records were lost before they were read; else warn
``streamARN``                           ARNs in place of ``streamName``, which give the region
``consumerMode``               polling  no effect: efo is taken with a warning, and polls as well
``maxFetchDuration``           10s      no effect: shards are read all the time
``shardsPerTask``              5        no effect: shards are read on the driver
``reuseKinesisClient``         true     no effect: each process has one client
``clientRetries``              5        no effect: a failed call is repeated for 300 s
============================== ======== ============================================================

Options that only Databricks' source has, such as ``roleArn``, and unknown ones are ignored; one
warning on stderr names them all when a query is defined. Another warning names a stream with
records that the Kinesis Producer Library has aggregated, which are not unpacked.

Errors: ``OptionError`` when a query is defined, ``DataLossError`` if records were lost before they
were read (``failOnDataLoss``), ``SourceError`` if Kinesis refuses a call or does not respond for
300 s. Spark shows them in the query's exception.

Start at ``source``, which Spark calls: ``planner`` plans each batch, ``fetcher`` reads the shards
ahead, ``partitions`` are the tasks of a batch, and ``offsets`` is what a checkpoint contains.
"""

from spark.pipeline.sources.kinesis.source import KinesisDataSource, register

__all__ = ["KinesisDataSource", "register"]

"""Hop S: Databricks' ``kinesis`` source for open Spark 4.1.

On Databricks the format ``kinesis`` is there. Here ``register`` adds it, where AWS has an endpoint
of ours, so that one and the same line reads a stream in both places::

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

which prints, when the stream holds two records::

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
``partitionKey``                string    what the sender gave; decides on the shard
``data``                        binary    the record's bytes
``stream``                      string    name of the stream
``shardId``                     string    the shard
``sequenceNumber``              string    the record's place in its shard, growing
``approximateArrivalTimestamp`` timestamp when Kinesis took it, to the millisecond
=============================== ========= =============================================

A record is read once: the offsets of a checkpoint hold the range of sequence numbers and the number
of records of each batch, so that a batch which is done again after a crash has the same rows
(docs/decisions/0011-kinesis-source.md). A plain append that takes each batch id once has each
record once.

Options, with what counts where they aren't given; in brackets what they fall back to, or
Databricks' default where it's another:

============================== ======== ============================================================
``streamName``                          names of the streams, separated by commas
``region``                              region of the streams (the setting AWS_REGION)
``endpoint``                            URL of Kinesis (AWS_ENDPOINT_URL)
``awsAccessKey``                        access key (the AWS SDK's chain)
``awsSecretKey``                        secret key that goes with it
``initialPosition``            latest   latest, trim_horizon, earliest (the same), or
                                        {"at_timestamp": "...", "format": "..."}
``maxRecordsPerFetch``         10000    records of a call, at most
``maxFetchRate``               0        MB/s read from a shard, at most; 0 is no limit (Databricks:
                                        1.0)
``minFetchPeriod``             400ms    time between two calls to a shard that is read up to its end
``fetchBufferSize``            128mb    bytes fetched ahead for the next batch, all shards together
                                        (Databricks: 20gb)
``shardFetchInterval``         1s       time between two looks for new shards
``coalesce``                   true     put the rows of small shards into one task
``coalesceThresholdBlockSize`` 10000000 shards are small if they have fewer bytes than this on
                                        average
``coalesceBinSize``            16000000 bytes of the rows of a task, about (Databricks: 128000000)
``failOnDataLoss``             true     fail when records to be read are gone; else warn and go on
``consumerMode``               polling  polling; efo is Databricks' alone
``maxFetchDuration``           10s      no effect: shards are read all the time
``shardsPerTask``              5        no effect: shards are read on the driver
``reuseKinesisClient``         true     no effect: a process has one client
``clientRetries``              5        no effect: a failed call is repeated for 300 s
============================== ======== ============================================================

Errors: ``OptionError`` when a query is defined, ``DataLossError`` when records to be read are gone
(``failOnDataLoss``), ``SourceError`` when Kinesis refuses or is away for 300 s. Spark shows them in
the query's exception.
"""

from spark.pipeline.sources.kinesis.source import KinesisDataSource, register

__all__ = ["KinesisDataSource", "register"]

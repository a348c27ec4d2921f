"""The Kinesis client of the source, with retries.

A call that is throttled, or that gets no response, is repeated with growing pauses. A permanent
error is raised at once. An outage is reported on stderr when it starts, and raised as an error
after ``OUTAGE_LIMIT`` seconds.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from botocore.parsers import ResponseParserError

from spark.pipeline.errors import SourceError
from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.options import MOST_SHARDS, KinesisOptions
from spark.pipeline.sources.kinesis.shards import Shard

OUTAGE_LIMIT = 300.0
"""Seconds for which Kinesis, or a stream, may be unavailable."""
PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between the first two attempts of a call, and between any two at most."""

THROTTLED = {
    "KMSThrottlingException",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
}
MISSING = "ResourceNotFoundException"
CHANGING = "ResourceInUseException"
INVALID = "InvalidArgumentException"
EXPIRED = "ExpiredIteratorException"


class StoppedError(Exception):
    """The query ends, and the response is no longer needed."""


class NotReadyError(Exception):
    """The stream is being created or deleted."""


def code(error: ClientError) -> str:
    """Return Kinesis' code of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


class Kinesis:
    """The calls that the source makes; any thread may make them."""

    def __init__(self, options: KinesisOptions, stopped: threading.Event | None = None) -> None:
        self._client = _client(
            options.endpoint, options.region, options.access_key, options.secret_key, os.getpid()
        )
        self._endpoint = self._client.meta.endpoint_url
        self._stopped = stopped or threading.Event()
        self.outages = 0
        """Number of outages that have ended."""

    def shards(self, stream: str, *, wait: bool = True) -> list[Shard]:
        """List the shards of a stream.

        Args:
            stream: its name.
            wait: whether to wait for a stream that does not exist.

        Raises:
            SourceError: the stream does not exist, or Kinesis does not respond or refuses.
        """
        found: list[Any] = []
        arguments: dict[str, Any] = {"StreamName": stream}

        def check(answer: Any) -> None:
            # While a stream is created or deleted, emulators list no shards where Kinesis refuses.
            if not found and not answer["Shards"] and not answer.get("NextToken"):
                raise NotReadyError("it has no shards: it is being made or deleted")

        while True:
            answer = self.call("list_shards", stream, wait=wait, check=check, **arguments)
            found += answer["Shards"]
            if not answer.get("NextToken"):
                return [_shard(stream, item) for item in found]
            arguments = {"NextToken": answer["NextToken"]}

    def retention_hours(self, stream: str) -> int | None:
        """Return how long a stream keeps records; None if the call fails."""
        try:
            answer = self._client.describe_stream_summary(StreamName=stream)
            return int(answer["StreamDescriptionSummary"]["RetentionPeriodHours"])
        except (BotoCoreError, ClientError, KeyError):
            return None

    def call(
        self,
        method: str,
        subject: str,
        *,
        wait: bool = True,
        passed: tuple[str, ...] = (),
        check: Callable[[Any], None] = lambda answer: None,
        **arguments: Any,
    ) -> Any:
        """Call Kinesis until it responds.

        Args:
            method: name of the call.
            subject: the stream or shard, for messages.
            wait: whether to wait for a stream or shard that does not exist.
            passed: Kinesis' codes of errors that the caller handles.
            check: raises `NotReadyError` if the call is to be repeated.
            arguments: arguments of the call.

        Raises:
            ClientError: one of ``passed``.
            SourceError: Kinesis refuses, or was unavailable for too long.
            StoppedError: the query has ended.
        """
        outage = _Outage(subject, self._endpoint)
        pause = PAUSE
        while not self._stopped.is_set():
            try:
                answer = getattr(self._client, method)(**arguments)
                check(answer)
            except ClientError as error:
                status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
                if code(error) in passed:
                    raise
                if code(error) not in THROTTLED:
                    temporary = code(error) == CHANGING or (wait and code(error) == MISSING)
                    if status < 500 and not temporary:
                        raise SourceError(f"{subject}: {self._endpoint} says {error}") from error
                    outage.report(error)
            except (
                ConnectionError,
                HTTPClientError,
                ResponseParserError,
                NotReadyError,
            ) as error:
                outage.report(error)
            except BotoCoreError as error:  # no credentials, no region, a wrong argument
                raise SourceError(f"{subject}: {error}") from error
            else:
                self.outages += outage.end()
                return answer
            self._stopped.wait(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE)
        raise StoppedError(subject)


class _Outage:
    def __init__(self, subject: str, endpoint: str) -> None:
        self._name = f"{subject}: Kinesis at {endpoint}"
        self._since = 0.0

    def report(self, error: Exception) -> None:
        now = time.monotonic()
        if not self._since:
            self._since = now
            sys.stderr.write(f"{self._name} is away, trying again: {error}\n")
        if now - self._since > OUTAGE_LIMIT:
            raise SourceError(f"{self._name} is away for {OUTAGE_LIMIT:.0f} s: {error}") from error

    def end(self) -> bool:
        """Report the end of an outage; return whether there was one."""
        if self._since:
            seconds = time.monotonic() - self._since
            sys.stderr.write(f"{self._name} is back after {seconds:.1f} s\n")
        return bool(self._since)


def _shard(stream: str, item: Any) -> Shard:
    parents = (item.get("ParentShardId"), item.get("AdjacentParentShardId"))
    numbers = item["SequenceNumberRange"]
    return Shard(
        ShardName(stream, item["ShardId"]),
        numbers["StartingSequenceNumber"],
        tuple(ShardName(stream, parent) for parent in parents if parent),
        bool(numbers.get("EndingSequenceNumber")),
    )


@cache
def _client(
    endpoint: str | None, region: str, access_key: str, secret_key: str, process: int
) -> Any:
    """Return the client of this process, which all queries in it share; a fork makes its own."""
    session = botocore.session.get_session()
    # Timestamps stay numbers: parsing a date takes longer than the rest of a row.
    parse: Callable[[Any], int] = _milliseconds
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=parse)
    make: Any = boto3.Session(botocore_session=session).client  # typed by the service's name
    try:
        return make(
            "kinesis",
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            config=Config(
                connect_timeout=5,
                read_timeout=30,
                retries={"total_max_attempts": 1},  # call() retries, and can be stopped
                max_pool_connections=MOST_SHARDS,
                tcp_keepalive=True,
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise SourceError(f"no client for Kinesis at {endpoint}: {error}") from error


def _milliseconds(value: Any) -> int:
    """Convert a time on the wire, which is in seconds with a fraction."""
    return round(float(value) * 1000)

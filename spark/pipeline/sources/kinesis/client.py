"""Kinesis as the source calls it: with patience.

A call that is throttled, or that finds nobody at home, is repeated with growing pauses. What
doesn't get better by waiting is an error at once; an outage is one when it has lasted for
``OUTAGE_LIMIT`` seconds, and is spoken of on stderr from its start, so that it doesn't look like silence.
"""

from __future__ import annotations

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
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
)
from botocore.parsers import ResponseParserError

from spark.pipeline.errors import SourceError
from spark.pipeline.sources.kinesis.offsets import ShardName
from spark.pipeline.sources.kinesis.options import KinesisOptions
from spark.pipeline.sources.kinesis.shards import Shard

OUTAGE_LIMIT = 300.0
"""Seconds that Kinesis, or a stream, may be away."""
PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between the first two tries of a call, and between any two at most."""

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
    """The query ends: nobody waits for the answer."""


class NotReadyError(Exception):
    """What was asked for is being made or deleted."""


def code(error: ClientError) -> str:
    """Kinesis' name for an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


class Kinesis:
    """The calls that the source makes; any thread may make them."""

    def __init__(self, options: KinesisOptions, stopped: threading.Event | None = None) -> None:
        self._client = _client(
            options.endpoint, options.region, options.access_key, options.secret_key
        )
        self._endpoint = self._client.meta.endpoint_url
        self._stopped = stopped or threading.Event()
        self.outages = 0
        """How often it was away and came back."""

    def shards(self, stream: str, *, wait: bool = True) -> list[Shard]:
        """List the shards of a stream.

        Args:
            stream: its name.
            wait: whether it may be that it's only gone for a moment.

        Raises:
            SourceError: there is no such stream, or Kinesis doesn't answer or refuses.
        """
        found: list[Any] = []
        arguments: dict[str, Any] = {"StreamName": stream}

        def check(answer: Any) -> None:
            # Emulators list none, where Kinesis refuses, while a stream is made or deleted.
            if not found and not answer["Shards"] and not answer.get("NextToken"):
                raise NotReadyError("it has no shards: it is being made or deleted")

        while True:
            answer = self.call("list_shards", stream, wait=wait, check=check, **arguments)
            found += answer["Shards"]
            if not answer.get("NextToken"):
                return [_shard(stream, item) for item in found]
            arguments = {"NextToken": answer["NextToken"]}

    def retention_hours(self, stream: str) -> int | None:
        """How long a stream keeps records; None where it doesn't say or may not be asked."""
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
        """Call Kinesis until it answers.

        Args:
            method: name of the call.
            subject: stream or shard that it's about, for people.
            wait: whether a stream or shard that isn't there may come back.
            passed: errors that the caller knows what to do about, by Kinesis' names.
            check: raises `NotReadyError` of an answer that will be another one soon.
            arguments: those of the call.

        Raises:
            ClientError: one of ``passed``.
            SourceError: Kinesis refuses, or has been away for too long.
            StoppedError: the query ended meanwhile.
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
                    passing = code(error) == CHANGING or (wait and code(error) == MISSING)
                    if status < 500 and not passing:
                        raise SourceError(f"{subject}: {self._endpoint} says {error}") from error
                    outage.goes_on(error)
            except (
                ConnectionError,
                HTTPClientError,
                ResponseParserError,
                NotReadyError,
            ) as error:
                outage.goes_on(error)
            except BotoCoreError as error:  # no credentials, no region, a wrong argument
                raise SourceError(f"{subject}: {error}") from error
            else:
                self.outages += outage.ends()
                return answer
            self._stopped.wait(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, LONGEST_PAUSE)
        raise StoppedError(subject)


class _Outage:
    def __init__(self, subject: str, endpoint: str) -> None:
        self._what = f"{subject}: Kinesis at {endpoint}"
        self._since = 0.0

    def goes_on(self, error: Exception) -> None:
        now = time.monotonic()
        if not self._since:
            self._since = now
            sys.stderr.write(f"{self._what} is away, trying again: {error}\n")
        if now - self._since > OUTAGE_LIMIT:
            raise SourceError(f"{self._what} is away for {OUTAGE_LIMIT:.0f} s: {error}") from error

    def ends(self) -> bool:
        """Whether there was one."""
        if self._since:
            seconds = time.monotonic() - self._since
            sys.stderr.write(f"{self._what} is back after {seconds:.1f} s\n")
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
def _client(endpoint: str | None, region: str, access_key: str, secret_key: str) -> Any:
    """The client of this process: executors reuse theirs, and so does each of them this."""
    session = botocore.session.get_session()
    # Milliseconds as they are: making a date of each record takes longer than its row.
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
                retries={"total_max_attempts": 1},  # call() does it, and can be stopped
                max_pool_connections=64,
                tcp_keepalive=True,
            ),
        )
    except (BotoCoreError, ValueError) as error:
        raise SourceError(f"no client for Kinesis at {endpoint}: {error}") from error


def _milliseconds(value: Any) -> int:
    """A time on the wire: seconds, with a fraction."""
    return round(float(value) * 1000)

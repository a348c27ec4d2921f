"""The options of the source: Databricks' names, the values they take, their defaults.

An option that isn't in ``TABLE`` is refused by name: one that is passed over in silence is a
setting that somebody believes in.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from contract.settings import Settings
from spark.pipeline.errors import OptionError
from spark.pipeline.sources.kinesis import values
from spark.pipeline.sources.kinesis.position import LATEST, initial_position


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the source."""

    name: str
    """As Databricks spells it; Spark doesn't tell upper case from lower case."""
    default: str
    parse: Callable[[str], Any]
    doc: str
    field: str = ""
    """Field of ``Options`` that holds it; none for one that has no effect here."""


TABLE: tuple[Option, ...] = (
    Option(
        "streamName", "", values.streams, "names of the streams, separated by commas", "streams"
    ),
    Option("region", "", values.text, "region of the streams (the setting AWS_REGION)", "region"),
    Option("endpoint", "", values.url, "URL of Kinesis (AWS_ENDPOINT_URL)", "endpoint"),
    Option("awsAccessKey", "", values.text, "access key (the AWS SDK's chain)", "access_key"),
    Option("awsSecretKey", "", values.text, "secret key that goes with it", "secret_key"),
    Option(
        "initialPosition",
        LATEST.lower(),
        initial_position,
        'latest, trim_horizon, earliest (the same), or {"at_timestamp": "...", "format": "..."}',
        "position",
    ),
    Option(
        "maxRecordsPerFetch", "10000", values.limit, "records of a call, at most", "fetch_records"
    ),
    Option(
        "maxFetchRate",
        "0",
        values.rate,
        "MB/s read from a shard, at most; 0 is no limit (Databricks: 1.0)",
        "fetch_rate",
    ),
    Option(
        "minFetchPeriod",
        "400ms",
        values.duration,
        "time between two calls to a shard that is read up to its end",
        "fetch_period",
    ),
    Option(
        "fetchBufferSize",
        "128mb",
        values.size,
        "bytes fetched ahead for the next batch, all shards together (Databricks: 20gb)",
        "buffer_bytes",
    ),
    Option(
        "shardFetchInterval",
        "1s",
        values.duration,
        "time between two looks for new shards",
        "listing",
    ),
    Option(
        "coalesce", "true", values.flag, "put the rows of small shards into one task", "coalesce"
    ),
    Option(
        "coalesceThresholdBlockSize",
        "10000000",
        values.size,
        "shards are small if they have fewer bytes than this on average",
        "small_bytes",
    ),
    Option(
        "coalesceBinSize",
        "16000000",
        values.size,
        "bytes of the rows of a task, about (Databricks: 128000000)",
        "bin_bytes",
    ),
    Option(
        "failOnDataLoss",
        "true",
        values.flag,
        "fail when records to be read are gone; else warn and go on",
        "fail_on_data_loss",
    ),
    Option("consumerMode", "polling", values.polling, "polling; efo is Databricks' alone"),
    Option("maxFetchDuration", "10s", values.duration, "no effect: shards are read all the time"),
    Option("shardsPerTask", "5", values.whole, "no effect: shards are read on the driver"),
    Option("reuseKinesisClient", "true", values.flag, "no effect: a process has one client"),
    Option("clientRetries", "5", values.whole, "no effect: a failed call is repeated for 300 s"),
)
"""Every option. In brackets: what counts where it isn't given, or Databricks' other default."""


@dataclass(frozen=True, slots=True)
class Options:
    """Options of one query, read and checked; they travel to the executors."""

    streams: tuple[str, ...]
    region: str
    endpoint: str | None
    access_key: str
    secret_key: str = field(repr=False)
    position: str
    """Position in a shard (``position``), or LATEST."""
    fetch_records: int
    fetch_rate: float
    """Bytes a second; 0 is no limit."""
    fetch_period: float
    """Seconds."""
    buffer_bytes: int
    listing: float
    """Seconds."""
    coalesce: bool
    small_bytes: int
    bin_bytes: int
    fail_on_data_loss: bool

    @classmethod
    def parse(cls, given: Mapping[str, str], settings: Settings | None = None) -> Options:
        """Read what a query gives; names count in any case of letters.

        Raises:
            OptionError: an option is unknown, missing, or has a value that can't be used.
        """
        settings = settings or Settings.from_environ()
        known = {option.name.lower(): option for option in TABLE}
        lower = {name.lower(): value for name, value in given.items()}
        for name in given:
            if name.lower() not in known:
                raise OptionError(_unknown(name))
        found: dict[str, Any] = {}
        for option in TABLE:
            text = lower.get(option.name.lower(), option.default)
            try:
                value = option.parse(text)
            except ValueError as error:
                raise OptionError(f"option {option.name} is {text!r}: {error}") from error
            if option.field:
                found[option.field] = value
        if bool(found["access_key"]) != bool(found["secret_key"]):
            raise OptionError("awsAccessKey and awsSecretKey go together: one is missing")
        found["region"] = found["region"] or settings.aws_region
        found["endpoint"] = found["endpoint"] or settings.aws_endpoint_url
        return cls(**{item.name: found[item.name] for item in fields(cls)})


DATABRICKS_ALONE = (
    "roleArn",
    "roleExternalId",
    "roleSessionName",
    "serviceCredential",
    "streamARN",
    "consumerName",
    "consumerNamePrefix",
    "consumerRefreshInterval",
    "registeredConsumerId",
    "requireConsumerDeregistration",
    "maxShardsPerDescribe",
)
"""Options of Databricks' source that there is nothing for here."""


def _unknown(name: str) -> str:
    for other in DATABRICKS_ALONE:
        if other.lower() == name.lower():
            return f"option {other} is known to Databricks' kinesis source alone, not to this one"
    names = {option.name.lower(): option.name for option in TABLE}
    close = difflib.get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {names[close[0]]}?" if close else f"it takes {', '.join(names.values())}"
    return f"option {name!r} is unknown to the kinesis source; {hint}"

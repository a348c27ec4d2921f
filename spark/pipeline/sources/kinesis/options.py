"""The options of the source: Databricks' names, their values and defaults.

An option that is not in ``TABLE`` is refused by name, because a user would rely on an option that
is silently ignored.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from contract.settings import Settings
from contract.values import positive
from spark.pipeline.errors import OptionError
from spark.pipeline.sources.kinesis.position import initial_position

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WORDS = {"millisecond": "ms", "second": "s", "minute": "m", "hour": "h"}
_BYTES = {"": 1, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}


def _streams(value: str) -> tuple[str, ...]:
    """Names of streams, separated by commas."""
    names = [name.strip() for name in value.split(",")]
    if not all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", name) for name in names):
        raise ValueError("it must be names of streams, separated by commas")
    if len(set(names)) < len(names):
        raise ValueError("it names a stream twice")
    return tuple(names)


def _url(value: str) -> str | None:
    """A URL; None if empty."""
    if value and not re.match(r"https?://", value):
        raise ValueError("it must be a URL such as http://127.0.0.1:4566")
    return value.rstrip("/") or None


def _flag(value: str) -> bool:
    """True or false."""
    found = {"true": True, "false": False}.get(value.strip().lower())
    if found is None:
        raise ValueError("it must be true or false")
    return found


def _whole(value: str) -> int:
    """A whole number above 0."""
    return positive(value.strip())


def _limit(value: str) -> int:
    """Records per GetRecords: Kinesis accepts 1 to 10,000."""
    if not value.strip().isdecimal() or not 1 <= int(value) <= 10_000:
        raise ValueError("it must be a whole number from 1 to 10000")
    return int(value)


def _rate(value: str) -> float:
    """MB/s, converted to bytes a second."""
    if not re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        raise ValueError("it must be a number of MB/s such as 1.0")
    return float(value) * 1e6


def _duration(value: str) -> float:
    """A duration such as 400ms, 2m or 10 seconds, converted to seconds."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)(s?)\s*", value.lower())
    unit = match and (_WORDS.get(match[2]) or match[2] + match[3])
    if not match or unit not in _SECONDS:
        raise ValueError("it must be a duration such as 400ms, 10s or 2m")
    return float(match[1]) * _SECONDS[unit]


def _size(value: str) -> int:
    """Bytes, such as 64mb or 10000000."""
    match = re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", value.lower())
    if not match or match[2] not in _BYTES or int(match[1]) == 0:
        raise ValueError("it must be a number of bytes such as 64mb or 10000000")
    return int(match[1]) * _BYTES[match[2]]


def _polling(value: str) -> str:
    """The only mode that this source supports."""
    if value.strip().lower() != "polling":
        raise ValueError(
            "it must be polling: enhanced fan-out is known to Databricks' source alone"
        )
    return "polling"


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the source; ``parse`` raises ValueError with a description of valid values."""

    name: str
    """As Databricks spells it; Spark ignores the case."""
    default: str
    parse: Callable[[str], Any]


def _option(name: str, default: str, parse: Callable[[str], Any], repr: bool = True) -> Any:
    return field(metadata={"option": Option(name, default, parse)}, repr=repr)


@dataclass(frozen=True, slots=True)
class KinesisOptions:
    """Parsed and checked options of one query; they are sent to the executors."""

    streams: tuple[str, ...] = _option("streamName", "", _streams)
    region: str = _option("region", "", str.strip)
    endpoint: str | None = _option("endpoint", "", _url)
    access_key: str = _option("awsAccessKey", "", str.strip)
    secret_key: str = _option("awsSecretKey", "", str.strip, repr=False)
    position: str = _option("initialPosition", "latest", initial_position)
    """Position in a shard (``position``), or LATEST."""
    fetch_records: int = _option("maxRecordsPerFetch", "10000", _limit)
    fetch_rate: float = _option("maxFetchRate", "0", _rate)
    """Bytes a second; 0 is no limit."""
    fetch_period: float = _option("minFetchPeriod", "400ms", _duration)
    """Seconds."""
    buffer_bytes: int = _option("fetchBufferSize", "128mb", _size)
    listing: float = _option("shardFetchInterval", "1s", _duration)
    """Seconds."""
    coalesce: bool = _option("coalesce", "true", _flag)
    small_bytes: int = _option("coalesceThresholdBlockSize", "10000000", _size)
    bin_bytes: int = _option("coalesceBinSize", "16000000", _size)
    fail_on_data_loss: bool = _option("failOnDataLoss", "true", _flag)

    @classmethod
    def parse(cls, given: Mapping[str, str], settings: Settings | None = None) -> KinesisOptions:
        """Parse the options of a query; the case of names is ignored.

        Raises:
            OptionError: an option is unknown, missing, or has an unusable value.
        """
        settings = settings or Settings.from_environ()
        known = {option.name.lower() for option in TABLE}
        lower = {name.lower(): value for name, value in given.items()}
        for name in given:
            if name.lower() not in known:
                raise OptionError(_unknown(name))
        read: dict[str, Any] = {}
        for option in TABLE:
            text = lower.get(option.name.lower(), option.default)
            try:
                read[option.name] = option.parse(text)
            except ValueError as error:
                raise OptionError(f"option {option.name} is {text!r}: {error}") from error
        if bool(read["awsAccessKey"]) != bool(read["awsSecretKey"]):
            raise OptionError("awsAccessKey and awsSecretKey go together: one is missing")
        read["region"] = read["region"] or settings.aws_region
        read["endpoint"] = read["endpoint"] or settings.aws_endpoint_url
        return cls(**{item.name: read[item.metadata["option"].name] for item in fields(cls)})


TABLE: tuple[Option, ...] = (
    *(item.metadata["option"] for item in fields(KinesisOptions)),
    Option("consumerMode", "polling", _polling),
    Option("maxFetchDuration", "10s", _duration),
    Option("shardsPerTask", "5", _whole),
    Option("reuseKinesisClient", "true", _flag),
    Option("clientRetries", "5", _whole),
)
"""Every option; the last ones have no effect here. The package's docstring describes each."""


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
"""Options of Databricks' source that this source does not support."""


def _unknown(name: str) -> str:
    for other in DATABRICKS_ALONE:
        if other.lower() == name.lower():
            return f"option {other} is known to Databricks' kinesis source alone, not to this one"
    names = {option.name.lower(): option.name for option in TABLE}
    close = difflib.get_close_matches(name.lower(), names, 1)
    hint = f"did you mean {names[close[0]]}?" if close else f"it takes {', '.join(names.values())}"
    return f"option {name!r} is unknown to the kinesis source; {hint}"

"""The options of the source: Databricks' names, their values and defaults.

An option without an effect here is taken, as programs that were written for Databricks have them,
and listed in one warning. A wrong value of an option that has an effect is an error.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from contract import values
from contract.settings import Settings
from spark.pipeline.errors import OptionError
from spark.pipeline.sources.kinesis.position import initial_position

MOST_SHARDS = 256
"""Shards that one query reads at most: each is a thread and a connection of the driver."""
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WORDS = {"millisecond": "ms", "second": "s", "minute": "m", "hour": "h"}
_BYTES = {"": 1, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}


_ARN = re.compile(
    r"arn:aws[a-z-]*:kinesis:(?P<region>[a-z0-9-]+):\d{12}:stream/(?P<name>[a-zA-Z0-9_.-]{1,128})"
)


def _streams(value: str) -> tuple[str, ...]:
    """Names of streams, separated by commas."""
    names = [name.strip() for name in value.split(",")]
    if not all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", name) for name in names):
        raise ValueError("it must be names of streams, separated by commas")
    if len(set(names)) < len(names):
        raise ValueError("it names a stream twice")
    if len(names) > MOST_SHARDS:
        raise ValueError(f"it names {len(names)} streams, and a query reads {MOST_SHARDS} at most")
    return tuple(names)


def _url(value: str) -> str | None:
    """A URL; None if empty."""
    if value and not re.fullmatch(r"https?://[^\s/?#]+(?:[/?#]\S*)?", value, re.IGNORECASE):
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
    return values.positive(value.strip())


def _region(value: str) -> str:
    """A region; empty for that of the settings."""
    return values.region(value.strip()) if value.strip() else ""


def _limit(value: str) -> int:
    """Records per GetRecords: Kinesis accepts 1 to 10,000."""
    return values.up_to(10_000)(value.strip())


def _rate(value: str) -> float:
    """MB/s, converted to bytes a second."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value.strip()) or 0 < float(value) < 0.001:
        raise ValueError("it must be a number of MB/s such as 1.0, from 0.001 on, or 0")
    return float(value) * 1e6


def _duration(value: str) -> float:
    """A duration such as 400ms, 2m or 10 seconds, converted to seconds."""
    number = r"\s*([0-9]{1,9}(?:\.[0-9]{1,9})?)"
    match = re.fullmatch(number + r"\s*([a-z]+?)(s?)\s*", value.lower())
    unit = match and (_WORDS.get(match[2]) or match[2] + match[3])
    if match and unit in _SECONDS:
        seconds = float(match[1]) * _SECONDS[unit]
        if 0.01 <= seconds <= 86_400:
            return seconds
    raise ValueError("it must be a duration such as 400ms, 10s or 2m, from 10ms to 24h")


def _size(value: str) -> int:
    """Bytes, such as 64mb or 10000000."""
    match = re.fullmatch(r"\s*([0-9]{1,13})\s*([a-z]*)\s*", value.lower())
    size = int(match[1]) * _BYTES.get(match[2], 0) if match else 0
    if not 0 < size <= 2**40:
        raise ValueError("it must be a number of bytes such as 64mb or 10000000, at most 1024gb")
    return size


def _mode(value: str) -> str:
    """The mode of a consumer, which is polling here whatever a program asks for."""
    mode = value.strip().lower()
    if mode not in ("polling", "efo"):
        raise ValueError("it must be polling or efo")
    return mode


def _arns(value: str) -> tuple[tuple[str, str], ...]:
    """Region and name of each stream, from their ARNs, separated by commas."""
    found = tuple(
        (match["region"], match["name"])
        for arn in value.split(",")
        if (match := _ARN.fullmatch(arn.strip()))
    )
    if value and len(found) <= value.count(","):
        raise ValueError("it must be as arn:aws:kinesis:us-east-1:000000000000:stream/name")
    if len({region for region, _ in found}) > 1:
        raise ValueError("its streams are in different regions")
    return found


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
    region: str = _option("region", "", _region)
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
            OptionError: an option is missing, excludes another, or has an unusable value.
        """
        settings = settings or Settings.from_environ()
        lower = {name.lower(): value for name, value in given.items()}
        read: dict[str, Any] = {}

        def value(option: Option) -> Any:
            text = lower.get(option.name.lower(), option.default)
            try:
                return option.parse(text)
            except ValueError as error:
                raise OptionError(f"option {option.name} is {text!r:.300}: {error}") from error

        if "streamname" in lower and ARN.name.lower() in lower:
            raise OptionError(f"options streamName and {ARN.name} exclude each other: set one")
        if arns := value(ARN):
            region = arns[0][0]
            given_region = lower.get("region", "").strip() or region
            if given_region != region:
                raise OptionError(
                    f"option region is {given_region!r}, that of streamARN {region!r}"
                )
            lower |= {"streamname": ",".join(name for _, name in arns), "region": region}
        for option in TABLE:
            read[option.name] = value(option)
        if bool(read["awsAccessKey"]) != bool(read["awsSecretKey"]):
            raise OptionError("awsAccessKey and awsSecretKey go together: one is missing")
        read["region"] = read["region"] or settings.aws_region
        read["endpoint"] = read["endpoint"] or settings.aws_endpoint_url
        return cls(**{item.name: read[item.metadata["option"].name] for item in fields(cls)})


ARN = Option("streamARN", "", _arns)
"""ARNs of the streams, in place of ``streamName`` and ``region``."""
TABLE: tuple[Option, ...] = (
    *(item.metadata["option"] for item in fields(KinesisOptions)),
    ARN,
    Option("consumerMode", "polling", _mode),
    Option("maxFetchDuration", "10s", _duration),
    Option("shardsPerTask", "5", _whole),
    Option("reuseKinesisClient", "true", _flag),
    Option("clientRetries", "5", _whole),
)
"""Every option; those after ``streamARN`` have no effect here. The package's docstring describes
each."""


DATABRICKS_ALONE = (
    "roleArn",
    "roleExternalId",
    "roleSessionName",
    "stsEndpoint",
    "serviceCredential",
    "consumerName",
    "consumerNamePrefix",
    "consumerRefreshInterval",
    "registeredConsumerId",
    "registerConsumerTimeoutInterval",
    "requireConsumerDeregistration",
    "maxShardsPerDescribe",
)
"""Options of Databricks' source that mean nothing here."""


def ignored(given: Mapping[str, str]) -> str | None:
    """Return a warning that names every option without a meaning here; None if there is none.

    Spark passes names in lower case and in any order; known ones are written as Databricks spells
    them.
    """
    ours = {option.name.lower(): option.name for option in TABLE}
    spelled = {name.lower(): name for name in DATABRICKS_ALONE}
    lower = {name.lower(): (name, value) for name, value in given.items()}
    alone = [spelled[name] for name in lower if name in spelled]
    if lower.get("consumermode", ("", ""))[1].strip().lower() == "efo":
        alone.append("consumerMode=efo")
    unknown = [
        _with_hint(name, ours)
        for key, (name, _) in lower.items()
        if key not in ours and key not in spelled
    ]
    parts = [f"known to Databricks alone: {', '.join(sorted(alone))}"] * bool(alone)
    parts += [f"unknown: {', '.join(sorted(unknown))}"] * bool(unknown)
    return f"the kinesis source ignores options, {'; '.join(parts)}" if parts else None


def _with_hint(name: str, names: Mapping[str, str]) -> str:
    close = difflib.get_close_matches(name.lower(), names, 1, 0.8)
    return f"{name} (did you mean {names[close[0]]}?)" if close else name

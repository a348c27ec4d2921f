"""Values of options: texts to what they mean. Each raises ValueError, saying what it takes."""

from __future__ import annotations

import re

from contract.values import positive

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WORDS = {"millisecond": "ms", "second": "s", "minute": "m", "hour": "h"}
_BYTES = {"": 1, "b": 1, "k": 2**10, "kb": 2**10, "m": 2**20, "mb": 2**20, "g": 2**30, "gb": 2**30}


def text(value: str) -> str:
    """Any text."""
    return value.strip()


def streams(value: str) -> tuple[str, ...]:
    """Names of streams, separated by commas."""
    names = [name.strip() for name in value.split(",")]
    if not all(re.fullmatch(r"[a-zA-Z0-9_.-]{1,128}", name) for name in names):
        raise ValueError("it must be names of streams, separated by commas")
    if len(set(names)) < len(names):
        raise ValueError("it names a stream twice")
    return tuple(names)


def url(value: str) -> str | None:
    """A URL, or none."""
    if value and not re.match(r"https?://", value):
        raise ValueError("it must be a URL such as http://127.0.0.1:4566")
    return value.rstrip("/") or None


def flag(value: str) -> bool:
    """True or false."""
    found = {"true": True, "false": False}.get(value.strip().lower())
    if found is None:
        raise ValueError("it must be true or false")
    return found


def whole(value: str) -> int:
    """A whole number above 0."""
    return positive(value.strip())


def limit(value: str) -> int:
    """Records of one GetRecords: Kinesis takes 1 to 10,000."""
    if not value.strip().isdecimal() or not 1 <= int(value) <= 10_000:
        raise ValueError("it must be a whole number from 1 to 10000")
    return int(value)


def rate(value: str) -> float:
    """MB/s, read as bytes a second."""
    if not re.fullmatch(r"\s*\d+(\.\d+)?\s*", value):
        raise ValueError("it must be a number of MB/s such as 1.0")
    return float(value) * 1e6


def duration(value: str) -> float:
    """A duration such as 400ms, 2m or 10 seconds, read as seconds."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+?)(s?)\s*", value.lower())
    unit = match and (_WORDS.get(match[2]) or match[2] + match[3])
    if not match or unit not in _SECONDS:
        raise ValueError("it must be a duration such as 400ms, 10s or 2m")
    return float(match[1]) * _SECONDS[unit]


def size(value: str) -> int:
    """Bytes, such as 64mb or 10000000."""
    match = re.fullmatch(r"\s*(\d+)\s*([a-z]*)\s*", value.lower())
    if not match or match[2] not in _BYTES or int(match[1]) == 0:
        raise ValueError("it must be a number of bytes such as 64mb or 10000000")
    return int(match[1]) * _BYTES[match[2]]


def polling(value: str) -> str:
    """The one mode of reading that is here."""
    if value.strip().lower() != "polling":
        raise ValueError(
            "it must be polling: enhanced fan-out is known to Databricks' source alone"
        )
    return "polling"

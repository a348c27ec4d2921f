"""Parsers of settings; each raises a ValueError whose message names the required form."""

import re
from collections.abc import Callable


def optional_url(value: str) -> str | None:
    """Parse a URL; None for an empty text."""
    return url(value) if value else None


def url(value: str) -> str:
    """Parse a URL; remove slashes at its end."""
    if not re.fullmatch(r"[a-z][a-z0-9+]*://[^\s/?#]+(?:[/?#]\S*)?", value):
        raise ValueError("it must be a URL such as http://127.0.0.1:4566")
    return value.rstrip("/")


def source_url(value: str) -> str:
    """Parse an SQLAlchemy URL."""
    if "://" not in value:
        raise ValueError("it must be an SQLAlchemy URL such as sqlite:///file.db")
    return value


def user_id(value: str) -> str:
    """Parse a user id."""
    if not re.fullmatch(r"[a-z0-9]{4,32}", value):
        raise ValueError("it must be 4 to 32 lower-case letters and digits")
    return value


def _names(value: str, pattern: str, form: str) -> tuple[str, ...]:
    """Parse names, separated by commas; none for an empty text."""
    found = [name.strip() for name in value.split(",")] if value else []
    for name in found:
        if not re.fullmatch(pattern, name):
            raise ValueError(f"{name!r} is no name of {form}")
    return tuple(dict.fromkeys(found))


def topics(value: str) -> tuple[str, ...]:
    """Parse names of topics, by Kafka's rule.

    Topics of Kafka itself and dead letters are excluded: the S3 sink would store its own offsets
    and its own dead letters without end.
    """
    form = "a topic: 1 to 249 letters, digits, '.', '_' and '-', not only dots, and beginning with"
    pattern = r"(?!__|dead-letter\.|\.{1,2}$)[A-Za-z0-9._-]{1,249}"
    return _names(value, pattern, f"{form} neither '__' nor 'dead-letter.'")


def streams(value: str) -> tuple[str, ...]:
    """Parse names of streams, by Kinesis' rule."""
    form = "a stream: 1 to 128 letters, digits, '.', '_' and '-'"
    return _names(value, r"[A-Za-z0-9._-]{1,128}", form)


def hosts(value: str) -> tuple[str, ...]:
    """Parse names of hosts; a dot or ``*.`` at the beginning stands for the names below."""
    form = "a host: a.example, .a.example (it and all below) or *.a.example (all below)"
    label = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    return _names(value.lower(), rf"(?=.{{1,255}}$)(?:\*?\.)?{label}(?:\.{label})*", form)


def kafka_auth(value: str) -> str:
    """Parse the login of Kafka clients."""
    if value not in ("none", "scram", "iam"):
        raise ValueError("it must be none, scram or iam")
    return value


def gateway_auth(value: str) -> str:
    """Parse what API Gateway demands of a caller."""
    if value not in ("none", "api_key"):
        raise ValueError("it must be none or api_key")
    return value


_RUNTIME = re.compile(r"(?:apache-spark-|custom:[\w-]+__)?(\d+)\.(?:\d+|x)[\w.-]*")


def runtime(value: str) -> int:
    """Parse the major version of a Databricks runtime from its key, such as 16.4.x-scala2.12."""
    match = _RUNTIME.fullmatch(value)
    if not match:
        raise ValueError("it must be a runtime such as 16.4.x-scala2.12")
    return int(match[1])


def spark_version(value: str) -> str:
    """Parse the key of a Databricks runtime."""
    runtime(value)
    return value


def folders(value: str) -> tuple[tuple[str, str], ...]:
    """Parse pairs of a name and a folder."""
    pairs = [item.strip().partition("=") for item in value.split(",") if item.strip()]
    if not pairs or not all(
        name.startswith("/") and folder.strip("/ ") for name, _, folder in pairs
    ):
        raise ValueError("it must be /name=folder[,/name=folder], and no folder the whole disk")
    return tuple((name.strip(), folder.strip()) for name, _, folder in pairs)


MOST = 2**31 - 1
"""The greatest number of most programs that a setting reaches."""


def positive(value: str) -> int:
    """Parse a whole number above 0."""
    return up_to(MOST)(value)


def up_to(most: int, least: int = 1) -> Callable[[str], int]:
    """Return the parser of a whole number from ``least`` to ``most``."""

    def parse(value: str) -> int:
        if not re.fullmatch("[0-9]{1,100}", value) or not least <= int(value) <= most:
            raise ValueError(f"it must be a whole number from {least} to {most}")
        return int(value)

    return parse


def whole(value: str) -> int:
    """Parse a whole number."""
    return up_to(MOST, 0)(value)


def seconds(value: str | float) -> float:
    """Parse seconds, of an option that may be 0."""
    if not 0 <= float(value) <= MOST:  # "nan" is neither
        raise ValueError(f"{value!r} is not a number of seconds from 0 to {MOST}")
    return float(value)


def positive_seconds(value: str | float) -> float:
    """Parse seconds, of an option that may not be 0."""
    if not float(value) > 0:
        raise ValueError(f"{value!r} is not a number of seconds above 0")
    return seconds(value)


def address(value: str) -> tuple[str, int]:
    """Parse a host and a port; an IPv6 address is in brackets, which are removed."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+)):([0-9]{1,5})", value)
    if not match or not 0 < int(match[3]) < 65536:
        raise ValueError("it must be host:port such as 127.0.0.1:8082 or [::1]:8082")
    return match[1] or match[2], int(match[3])


def stage_name(value: str) -> str:
    """Parse the name of a stage of the REST API, which is a part of its URL."""
    if not re.fullmatch("[A-Za-z0-9_]{1,128}", value):
        raise ValueError("it must be 1 to 128 letters, digits and underscores")
    return value


def region(value: str) -> str:
    """Parse an AWS region."""
    if not re.fullmatch("[a-z0-9-]{1,64}", value):
        raise ValueError("it must be a region such as us-east-1")
    return value


def token(value: str) -> str:
    """Parse a token, which clients send in a header."""
    if not re.fullmatch("[!-~]*", value):
        raise ValueError("it must have neither blanks nor characters beyond ASCII")
    return value

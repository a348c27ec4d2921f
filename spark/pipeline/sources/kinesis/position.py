"""Positions in a shard, as texts in the form of offsets.

==========================  =====================================================================
``TRIM_HORIZON``            before the oldest record that the stream still keeps
``AT_TIMESTAMP:<ms>``       before the first record that arrived at this time or later (epoch ms)
``<digits>``                after the record with this sequence number
``SHARD_END``               after the last record of a shard that is closed
==========================  =====================================================================

``LATEST`` is not a position, because its meaning changes with each record. It becomes
``AT_TIMESTAMP`` when a query starts for the first time.
"""

import json
import re
from datetime import UTC, datetime

LATEST = "LATEST"
TRIM_HORIZON = "TRIM_HORIZON"
SHARD_END = "SHARD_END"
_AT = "AT_TIMESTAMP:"
FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def at_time(milliseconds: int) -> str:
    """Return the position before the first record that arrived at this time or later."""
    return f"{_AT}{milliseconds}"


def time_of(position: str) -> int | None:
    """Return the milliseconds of a position from ``at_time``; None for any other position."""
    return int(position.removeprefix(_AT)) if position.startswith(_AT) else None


def is_record(position: str) -> bool:
    """Return whether a position is a sequence number."""
    return position.isdecimal()


def initial_position(value: str) -> str:
    """Parse the option ``initialPosition``.

    Raises:
        ValueError: the value is unknown, or its time cannot be parsed.
    """
    word = value.strip().lower()
    if word == "latest":
        return LATEST
    if word in ("trim_horizon", "earliest"):
        return TRIM_HORIZON
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("at_timestamp"), str):
        raise ValueError(
            'it must be latest, trim_horizon, earliest, or JSON such as {"at_timestamp":'
            ' "2020-06-25T10:23:45Z"}, with a "format" such as "MM/dd/yyyy HH:mm:ss ZZZ" if need be'
        )
    unknown = sorted(set(document) - {"at_timestamp", "format"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is neither at_timestamp nor format")
    moment = _moment(document["at_timestamp"], document.get("format"))
    if moment > datetime.now(UTC):
        raise ValueError("it lies in the future, where Kinesis has no position")
    if moment < FIRST:
        raise ValueError("it lies before 1970, where no stream has a position")
    return at_time(round(moment.timestamp() * 1000))


_PATTERNS = {
    "yyyy": "%Y",
    "MM": "%m",
    "dd": "%d",
    "HH": "%H",
    "mm": "%M",
    "ss": "%S",
    "SSS": "%f",
    **dict.fromkeys(("X", "XX", "XXX", "Z", "ZZ", "ZZZ"), "%z"),
}
"""Letters of a Java date format, which Databricks uses."""


def _moment(value: str, form: object) -> datetime:
    """Parse a time; without a zone it is UTC, as everywhere in the project."""
    if form is None:
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is not ISO 8601; give its format") from None
    else:
        parts = [m[0] for m in re.finditer(r"'[^']*'|([A-Za-z])\1*|.", str(form))]
        pattern = "".join(map(_python, parts))
        letters = [part for part in parts if part[0].isalpha()]
        if not {"yyyy", "MM", "dd"} <= set(letters) or len(set(letters)) < len(letters):
            raise ValueError(f"its format {form!r:.100} must have yyyy, MM and dd, and none twice")
        try:
            found = datetime.strptime(value, pattern)
        except ValueError:
            # The name of a zone, such as PDT, is ambiguous.
            raise ValueError(f"{value!r} is not {form!r}, a zone being +hhmm or Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _python(part: str) -> str:
    """Convert a part of a Java date format to Python's."""
    if not part[0].isalpha():
        return part.strip("'").replace("%", "%%")
    if part not in _PATTERNS:
        raise ValueError(f"{part!r} of its format is none of {', '.join(_PATTERNS)}")
    return _PATTERNS[part]

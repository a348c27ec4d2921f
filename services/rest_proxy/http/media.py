"""Media types of the REST API v2, and the choice of a response's type."""

from functools import lru_cache

from contract.wire import KAFKA_BINARY, KAFKA_JSON, KAFKA_V2
from services.rest_proxy.http.errors import ApiError

KAFKA_DEFAULT = "application/vnd.kafka+json"
"""Older name of the type; it stands for the API's newest version."""

FORMATS = {KAFKA_JSON: "json", KAFKA_BINARY: "binary"}
"""Format of the records' keys and values, by the media type of a request or response."""

RESPONSE_TYPES = (KAFKA_V2, KAFKA_JSON, KAFKA_BINARY, KAFKA_DEFAULT)
"""Types of any response, the preferred one first."""

RECORD_TYPES = (KAFKA_BINARY, KAFKA_V2, KAFKA_JSON)
"""Types of a response with fetched records; without an embedded format they are binary."""


@lru_cache(maxsize=256)
def media_type(header: str) -> str:
    """Return the media type of a ``Content-Type`` header, in lower case, without parameters."""
    return header.partition(";")[0].strip().lower()


@lru_cache(maxsize=256)
def negotiate(accept: str, offered: tuple[str, ...] = RESPONSE_TYPES) -> str:
    """Return the type in ``offered`` to which an ``Accept`` header gives the highest quality.

    Raises:
        ApiError: 406, the header accepts none of them.
    """
    best, best_quality = "", 0.0
    ranges = [_media_range(part) for part in accept.split(",") if part.strip()] or [("*/*", 1.0)]
    for candidate in offered:
        quality = _quality(candidate, ranges)
        if quality > best_quality:
            best, best_quality = candidate, quality
    if not best:
        raise ApiError(406)
    return best


def _media_range(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key == "q":
            try:
                return name, float(value)
            except ValueError:
                return name, 0.0
    return name, 1.0


def _quality(candidate: str, ranges: list[tuple[str, float]]) -> float:
    """Return the quality of ``candidate`` by the most specific of ``ranges``."""
    for pattern in (candidate, candidate.partition("/")[0] + "/*", "*/*"):
        qualities = [quality for name, quality in ranges if name == pattern]
        if qualities:
            return max(qualities)
    return 0.0

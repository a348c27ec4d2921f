"""How a consumer instance is configured: what a client may ask for, checked."""

from __future__ import annotations

from dataclasses import dataclass

from services.rest_proxy.bodies import NewConsumer
from services.rest_proxy.errors import ApiError, Code


@dataclass(frozen=True, slots=True)
class Options:
    """A consumer's configuration, checked."""

    format: str
    auto_offset_reset: str
    auto_commit: bool
    min_bytes: int
    timeout: float

    @classmethod
    def of(cls, body: NewConsumer) -> Options:
        """Check what a client asks for.

        Raises:
            ApiError: 42204, names the property and its value.
        """
        resets = {"earliest": "earliest", "latest": "latest", "none": "error"}
        if body.format not in ("json", "binary"):
            raise _refused("format", body.format, "must be json or binary")
        if body.auto_offset_reset not in resets:
            raise _refused(
                "auto.offset.reset", body.auto_offset_reset, "must be earliest, latest or none"
            )
        commit = body.auto_commit_enable
        if commit not in (True, False, "true", "false"):
            raise _refused("auto.commit.enable", commit, "must be true or false")
        min_bytes = _whole("fetch.min.bytes", body.fetch_min_bytes, -1)
        timeout = _whole("consumer.request.timeout.ms", body.request_timeout_ms, 0)
        return cls(
            body.format,
            resets[body.auto_offset_reset],
            commit in (True, "true"),
            max(min_bytes, 1),
            timeout / 1000,
        )


def _refused(name: str, value: object, reason: str) -> ApiError:
    return ApiError(
        Code.CONSUMER_CONFIGURATION, f"Invalid value {value} for configuration {name}: {reason}"
    )


def _whole(name: str, value: int | str, least: int) -> int:
    try:
        number = int(value)
    except ValueError:
        raise _refused(name, value, "must be a whole number") from None
    if not least <= number < 2**31:
        raise _refused(name, value, f"must be from {least} to {2**31 - 1}")
    return number

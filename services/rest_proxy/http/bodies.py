"""The bodies of requests, and the bytes that are stored for the keys and values of records.

Bodies are parsed into the structures below, so the parser itself finds an unknown field, a missing
one or a wrong type; the response is 422. For text that is not JSON it is 400.

JSON keys and values are stored as compact UTF-8. The order of an object's keys stays, of two equal
keys the last one counts, and a number is stored as it was written, however long it is (but ``-0``
becomes ``0``): no number passes through a float.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
import orjson

from services.rest_proxy.http.errors import ApiError, Code
from services.rest_proxy.names import (
    MAX_ITEMS,
    Metadata,
    Name,
    Offset,
    Partition,
    Pattern,
    SchemaId,
    Topic,
)

Body = TypeVar("Body")
ProducerRecord = tuple[bytes | None, bytes | None, int | None]
"""Key, value and partition of a record to produce; without a partition the producer chooses one."""

MIN_BYTES = 10_000_000
"""Most bytes that a read waits for; Confluent's bound."""
REQUEST_TIMEOUT_MS = 300_000
"""Longest time of a read, in milliseconds."""

_Bounded = msgspec.Meta(max_length=MAX_ITEMS)


class _Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Base of every body: an unknown field is an error."""


class JsonRecord(_Body):
    """A record to produce; ``value`` null is a tombstone, ``key`` null or missing is no key."""

    value: Any
    key: Any = None
    partition: Partition | None = None


class BinaryRecord(_Body):
    """A record to produce, key and value in base64."""

    value: str | None
    key: str | None = None
    partition: Partition | None = None


class _Produce(_Body):
    # Confluent's API allows these fields in every request; JSON and binary records do not use them.
    key_schema: str | None = None
    key_schema_id: SchemaId | None = None
    value_schema: str | None = None
    value_schema_id: SchemaId | None = None


class ProduceJson(_Produce, kw_only=True):
    """``POST /topics/{topic}`` with JSON records."""

    records: Annotated[list[JsonRecord], msgspec.Meta(min_length=1)]


class ProduceBinary(_Produce, kw_only=True):
    """``POST /topics/{topic}`` with base64 records."""

    records: Annotated[list[BinaryRecord], msgspec.Meta(min_length=1)]


class NewConsumer(
    _Body,
    rename={
        "auto_offset_reset": "auto.offset.reset",
        "auto_commit_enable": "auto.commit.enable",
        "fetch_min_bytes": "fetch.min.bytes",
        "request_timeout_ms": "consumer.request.timeout.ms",
    },
):
    """``POST /consumers/{group}``. Values may be strings, as in Kafka's own configuration."""

    name: Name | None = None
    format: str = "binary"
    auto_offset_reset: str = "latest"
    auto_commit_enable: bool | str = True
    fetch_min_bytes: int | str = 1
    request_timeout_ms: int | str = 1000

    def options(self) -> ConsumerOptions:
        """Validate the properties.

        Raises:
            ApiError: 42204, with the name of the property and its value.
        """
        resets = {"earliest": "earliest", "latest": "latest", "none": "error"}
        if self.format not in ("json", "binary"):
            raise _refused("format", self.format, "must be json or binary")
        if self.auto_offset_reset not in resets:
            raise _refused(
                "auto.offset.reset", self.auto_offset_reset, "must be earliest, latest or none"
            )
        commit = self.auto_commit_enable
        if commit not in (True, False, "true", "false"):
            raise _refused("auto.commit.enable", commit, "must be true or false")
        min_bytes = _whole("fetch.min.bytes", self.fetch_min_bytes, -1, MIN_BYTES)
        timeout = _whole(
            "consumer.request.timeout.ms", self.request_timeout_ms, 0, REQUEST_TIMEOUT_MS
        )
        return ConsumerOptions(
            self.format,
            resets[self.auto_offset_reset],
            commit in (True, "true"),
            max(min_bytes, 1),
            timeout / 1000,
        )


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """A consumer's validated configuration; ``timeout`` in seconds."""

    format: str
    auto_offset_reset: str
    auto_commit: bool
    min_bytes: int
    timeout: float


def _refused(name: str, value: object, reason: str) -> ApiError:
    return ApiError(
        Code.CONSUMER_CONFIGURATION,
        f"Invalid value {value!s:.100} for configuration {name}: {reason}",
    )


def _whole(name: str, value: int | str, least: int, most: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,100}", str(value)):
        raise _refused(name, value, "must be a whole number")
    if not least <= int(value) <= most:
        raise _refused(name, value, f"must be from {least} to {most}")
    return int(value)


class Subscription(_Body):
    """``POST .../subscription``."""

    topics: Annotated[list[Topic], _Bounded] | None = None
    topic_pattern: Pattern | None = None


class TopicPartition(_Body):
    """A partition of a topic."""

    topic: Topic
    partition: Partition


class TopicPartitionOffset(_Body):
    """An offset in a partition."""

    topic: Topic
    partition: Partition
    offset: Offset
    metadata: Metadata | None = None


class Partitions(_Body):
    """``POST .../assignments``, ``.../positions/beginning``, ``.../positions/end``."""

    partitions: Annotated[list[TopicPartition], _Bounded]


class Offsets(_Body):
    """``POST .../offsets``, ``.../positions``."""

    offsets: Annotated[list[TopicPartitionOffset], _Bounded]


def _number(text: str) -> orjson.Fragment:
    """Keep the text of a number with a fraction or an exponent; it is written as it is."""
    return orjson.Fragment(text)


def _raw(number: object) -> msgspec.Raw:
    return msgspec.Raw(orjson.dumps(number))


_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {}
encode = msgspec.json.Encoder().encode
_encode_any = msgspec.json.Encoder(enc_hook=_raw).encode


def read(body: bytes, form: type[Body]) -> Body:
    """Parse the JSON of a body into ``form``.

    Raises:
        ApiError: 400, it is not JSON in UTF-8; 422, its fields are not those of ``form``.
    """
    decoder = _DECODERS.get(form)
    if decoder is None:
        decoder = _DECODERS[form] = msgspec.json.Decoder(form, float_hook=_number)
    try:
        read_body: Body = decoder.decode(body)
    except msgspec.ValidationError as error:
        check_json(body)
        raise ApiError(422, message=str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, message=str(error)) from error
    return read_body


def json_records(records: Sequence[JsonRecord]) -> list[ProducerRecord]:
    """Return keys, values and partitions as they are stored: compact JSON; null becomes None."""
    try:
        # orjson needs half of msgspec's time, which saves a tenth of the request's time.
        return _encoded(records, orjson.dumps)
    except orjson.JSONEncodeError:
        # An integer beyond 64 bits, or deeper nesting than orjson supports.
        return _encoded(records, _encode_any)


def _encoded(records: Sequence[JsonRecord], write: Callable[[Any], bytes]) -> list[ProducerRecord]:
    return [
        (
            None if record.key is None else write(record.key),
            None if record.value is None else write(record.value),
            record.partition,
        )
        for record in records
    ]


_any_json = msgspec.json.Decoder(msgspec.Raw)


def check_json(content: bytes) -> None:
    """Check that ``content`` is JSON in UTF-8.

    Raises:
        ApiError: 400, it is not.
    """
    try:
        _any_json.decode(content)
        content.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, message=str(error)) from error


def base64_bytes(value: str | None) -> bytes | None:
    """Return the bytes of a base64 key or value; None for null.

    Raises:
        ApiError: 422, it is not base64.
    """
    if value is None:
        return None
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ApiError(422, message=f"{value[:40]!r} is not base64: {error}") from error

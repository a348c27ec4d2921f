"""A record that was fetched: where it is from, and how the API shows it."""

from __future__ import annotations

from base64 import b64encode

from confluent_kafka import Message

from services.rest_proxy.http.bodies import check_json, encode
from services.rest_proxy.http.errors import ApiError, Code

Place = tuple[str, int]
"""Topic and partition."""


def place_of(message: Message) -> Place:
    """Topic and partition of a record."""
    return message.topic() or "", message.partition() or 0


def offset_of(message: Message) -> int:
    """Offset of a record."""
    return message.offset() or 0


def size_of(message: Message) -> int:
    """Bytes of key and value, at least 1."""
    return max(len(message.key() or b"") + len(message.value() or b""), 1)


def view(message: Message, embedded: str) -> bytes:
    """JSON of a record whose key and value are ``embedded`` as ``json`` or ``binary``.

    Raises:
        ApiError: 50002, it is not JSON; names its place.
    """
    show = _base64_text if embedded == "binary" else _json_text
    topic, partition = place_of(message)
    try:
        key, value = show(message.key()), show(message.value())
    except ApiError as error:
        where = f"{topic}-{partition} at offset {message.offset()}"
        raise ApiError(Code.KAFKA, f"the record in {where} is not JSON: {error}") from error
    return b'{"topic":%b,"key":%b,"value":%b,"partition":%d,"offset":%d}' % (
        encode(topic),
        key,
        value,
        partition,
        offset_of(message),
    )


def _base64_text(content: bytes | None) -> bytes:
    return b"null" if content is None else b'"%b"' % b64encode(content)


def _json_text(content: bytes | None) -> bytes:
    """Check that ``content`` is JSON, and give it as it is."""
    if content is None:
        return b"null"
    check_json(content)
    return content

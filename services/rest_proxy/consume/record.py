"""A fetched record: its partition, offset and size, and its JSON in the API."""

from base64 import b64encode

from confluent_kafka import Message

from services.rest_proxy.http.bodies import check_json, encode
from services.rest_proxy.http.errors import ApiError, Code

Partition = tuple[str, int]
"""A partition: its topic and number."""


def partition_of(message: Message) -> Partition:
    """Return topic and partition of a record."""
    return message.topic() or "", message.partition() or 0


def offset_of(message: Message) -> int:
    """Return the offset of a record."""
    return message.offset() or 0


def size_of(message: Message) -> int:
    """Return the number of bytes of key and value, at least 1."""
    return max(len(message.key() or b"") + len(message.value() or b""), 1)


def to_json(message: Message, embedded: str) -> bytes:
    """Return the JSON of a record with key and value in a format, ``json`` or ``binary``.

    Raises:
        ApiError: 50002, key or value is not JSON; the message names partition and offset.
    """
    convert = _base64_text if embedded == "binary" else _json_text
    topic, partition = partition_of(message)
    try:
        key, value = convert(message.key()), convert(message.value())
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
    """Check that ``content`` is JSON, and return it unchanged."""
    if content is None:
        return b"null"
    check_json(content)
    return content

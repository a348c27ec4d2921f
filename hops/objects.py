"""Hop 6, S3: the objects that the sink wrote, and the records in them."""

from collections.abc import Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from contract import names
from contract.errors import WireError
from contract.names import ObjectPosition
from hops.access import Access
from hops.errors import hop_errors

HOP = "s3"
NEXT_OFFSET = "next-offset"
"""Metadata in which the sink stores the offset after an object (docs/decisions/0003)."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of the sink."""

    key: str
    size: int
    position: ObjectPosition


@dataclass(frozen=True, slots=True)
class Content:
    """The contents of an object."""

    lines: list[bytes]
    """The records, one a line."""
    next_offset: int
    """Offset after the last record. Records that the sink leaves out have offsets, but no lines."""


def listing(access: Access, topic: str) -> list[StoredObject]:
    """Every object of a topic, in the order of partition and offset.

    Raises:
        HopError: S3 doesn't respond, the bucket doesn't exist, or a key isn't the sink's.
    """
    bucket = access.settings.bucket
    found = []
    with hop_errors(HOP, f"bucket {bucket}", BotoCoreError, ClientError, WireError):
        pages = access.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=names.topic_prefix(topic)
        )
        for page in pages:
            for item in page.get("Contents", ()):
                position = names.parse_object_key(item["Key"])
                found.append(StoredObject(item["Key"], item["Size"], position))
    return sorted(found, key=lambda o: (o.position.partition, o.position.start_offset))


def read(access: Access, stored: StoredObject) -> Content:
    """Read the records of an object."""
    with hop_errors(HOP, f"object {stored.key}", BotoCoreError, ClientError):
        answer = access.s3.get_object(Bucket=access.settings.bucket, Key=stored.key)
        lines = answer["Body"].read().splitlines()
    end = answer["Metadata"].get(NEXT_OFFSET)
    return Content(lines, int(end) if end else stored.position.start_offset + len(lines))


def records_from(access: Access, topic: str, start: dict[int, int]) -> Iterator[bytes]:
    """Records in the objects that begin at or after ``start`` (partition to offset)."""
    for stored in listing(access, topic):
        if stored.position.start_offset >= start.get(stored.position.partition, 0):
            yield from read(access, stored).lines


def containing(access: Access, topic: str, partition: int, offset: int) -> StoredObject | None:
    """The object in which the record with ``offset`` must be, by its start offset.

    That is the last one that starts at or before the offset; it may end before the offset.
    """
    before = [
        stored
        for stored in listing(access, topic)
        if stored.position.partition == partition and stored.position.start_offset <= offset
    ]
    return before[-1] if before else None

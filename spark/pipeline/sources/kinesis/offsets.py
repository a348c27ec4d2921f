"""Offsets, which describe a batch completely, so that another process can read it again.

An offset ends its batch. It contains, for each shard, the range of the batch and the number of
records in it::

    {"version": 1, "begin": "TRIM_HORIZON", "shards": {"<stream>/<shardId>":
        {"first": "<start of the shard>", "after": "<position>", "to": "<position>", "records": 3}}}

``first`` is the sequence number with which the shard starts: a stream that was deleted and created
again has shards with the same names and other first numbers. ``begin`` is where the query began to
read, and where it begins to read each shard that it finds later.

Two kinds are special. The ``initial`` offset of a new query has no shards: it is before all of
them. A ``complete`` offset covers everything from ``begin`` to the time of the call: it is the
result of the first ``latestOffset``, before Spark has reported the position of the query.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from spark.pipeline.errors import SourceError
from spark.pipeline.sources.kinesis.position import SHARD_END, is_record

VERSION = 1


@dataclass(frozen=True, slots=True, order=True)
class ShardName:
    """A shard of a stream."""

    stream: str
    id: str

    def __str__(self) -> str:
        return f"{self.stream}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> ShardName:
        """Read what ``str`` writes."""
        stream, _, shard = text.partition("/")
        return cls(stream, shard)


@dataclass(frozen=True, slots=True)
class Range:
    """Records of a shard after one position, up to and including another."""

    first: str
    """Sequence number with which the shard starts."""
    after: str
    to: str
    records: int | None
    """Number of records; None if they were not counted."""

    @property
    def empty(self) -> bool:
        """Whether the range is known to contain no record."""
        return self.records == 0 or self.after == self.to

    def __str__(self) -> str:
        return f"({self.after}, {self.to}]"


@dataclass(frozen=True, slots=True)
class Offset:
    """The end of a batch, and its ranges."""

    begin: str
    shards: Mapping[ShardName, Range] = field(default_factory=dict)
    initial: bool = False
    complete: bool = False

    def document(self) -> dict[str, Any]:
        """Return the JSON form that Spark stores; equal offsets have equal forms."""
        document: dict[str, Any] = {"version": VERSION, "begin": self.begin}
        for flag in ("initial", "complete"):
            if getattr(self, flag):
                document[flag] = True
        document["shards"] = {
            str(name): {"first": r.first, "after": r.after, "to": r.to, "records": r.records}
            for name, r in sorted(self.shards.items())
        }
        return document

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Offset:
        """Read what ``document`` writes.

        Raises:
            SourceError: the offset is from another source.
        """
        if document.get("version") != VERSION:
            raise SourceError(f"the checkpoint's offset is not of this source: {dict(document)!r}")
        shards = {ShardName.parse(name): Range(**r) for name, r in document["shards"].items()}
        flags = {flag: bool(document.get(flag)) for flag in ("initial", "complete")}
        return cls(document["begin"], shards, **flags)

    def followed_by(self, later: Offset) -> Offset:
        """Return both batches as one, from the start of this one to the end of the later one."""
        shards = dict(self.shards)
        for name, r in later.shards.items():
            if (own := shards.get(name)) is None:
                shards[name] = r
            else:
                records = (own.records or 0) + (r.records or 0)
                shards[name] = Range(r.first, own.after, r.to, records)
        return Offset(self.begin, shards)


def between(
    start: Offset, end: Offset, read_through: Callable[[ShardName], bool]
) -> Iterator[tuple[ShardName, Range]]:
    """Yield the ranges of the batch from ``start`` to ``end`` that are not empty.

    Args:
        start: the start according to Spark. It is wrong for the first batch only, because Spark
            does not store the initial offset.
        end: the offset that ends the batch.
        read_through: whether a shard that ``start`` lacks was read to its end earlier.

    Raises:
        SourceError: a range does not start where the batch before ended.
    """
    for name, r in end.shards.items():
        at = start.shards.get(name)
        if at is not None and at.to != r.after and at.first == r.first:
            if not end.complete:
                raise SourceError(f"{name}: the batch before ends at {at.to}, this one is {r}")
            r = _rest(at.to, r)
        elif at is None and end.complete and not start.initial:
            if read_through(name):
                continue
            if start.begin != end.begin:
                r = _rest(start.begin, r)
        if not r.empty:
            yield name, r


def _rest(position: str, r: Range) -> Range:
    """Return the rest of a range after a position, with an unknown number of records."""
    if position == SHARD_END or not (is_record(r.to) or r.to == SHARD_END):
        return Range(r.first, position, position, 0)
    if is_record(position) and is_record(r.to) and int(r.to) <= int(position):
        return Range(r.first, position, position, 0)
    return Range(r.first, position, r.to, None)

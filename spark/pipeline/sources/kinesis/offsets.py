"""Offsets: what a batch is, so that a process that knows nothing else can read it again.

An offset closes its batch. It holds, for each shard, the range of the batch that ends there and the
number of records in it::

    {"version": 1, "begin": "TRIM_HORIZON", "shards": {"<stream>/<shardId>":
        {"first": "<start of the shard>", "after": "<position>", "to": "<position>", "records": 3}}}

``first`` is the sequence number that the shard starts with: a stream that was deleted and created
again has shards of the same names, which start with others. ``begin`` is where the query began to
read, and so where it begins to read a shard that it meets later.

Two kinds stand out. The ``initial`` offset of a new query has no shards: it is before all of them.
One that is ``complete`` holds everything from ``begin`` to what was there when Spark asked: the
answer to the first question of a query, which comes before Spark has reported where it stands.
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
    """A shard, anywhere."""

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
    """Records of a shard after one position, up to and with another."""

    first: str
    """Sequence number that the shard starts with."""
    after: str
    to: str
    records: int | None
    """How many they are; None where nobody has counted them."""

    @property
    def empty(self) -> bool:
        """Whether it's known to hold no record."""
        return self.records == 0 or self.after == self.to

    def __str__(self) -> str:
        return f"({self.after}, {self.to}]"


@dataclass(frozen=True, slots=True)
class Offset:
    """Where a batch ends, and what it holds."""

    begin: str
    shards: Mapping[ShardName, Range] = field(default_factory=dict)
    initial: bool = False
    complete: bool = False

    def document(self) -> dict[str, Any]:
        """The form in which Spark keeps it; the same for the same offset."""
        document: dict[str, Any] = {"version": VERSION, "begin": self.begin}
        for mark in ("initial", "complete"):
            if getattr(self, mark):
                document[mark] = True
        document["shards"] = {
            str(name): {"first": r.first, "after": r.after, "to": r.to, "records": r.records}
            for name, r in sorted(self.shards.items())
        }
        return document

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Offset:
        """Read what ``document`` writes.

        Raises:
            SourceError: it's none of this source's, as in the checkpoint of another one.
        """
        if document.get("version") != VERSION:
            raise SourceError(f"the checkpoint's offset is not of this source: {dict(document)!r}")
        shards = {ShardName.parse(name): Range(**r) for name, r in document["shards"].items()}
        marks = {mark: bool(document.get(mark)) for mark in ("initial", "complete")}
        return cls(document["begin"], shards, **marks)

    def followed_by(self, later: Offset) -> Offset:
        """Both batches as one: from where this one begins to where the later one ends."""
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
    """Ranges of the batch from ``start`` to ``end``, without those that hold nothing.

    Args:
        start: what Spark holds to be the batch's start. It says so rightly but for the first
            batch, as it doesn't keep the initial offset.
        end: the offset that closes the batch.
        read_through: whether a shard that ``start`` lacks was read to its end before.

    Raises:
        SourceError: the two don't join.
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
    """What is left of a range after a position; nobody has counted it."""
    if position == SHARD_END or not (is_record(r.to) or r.to == SHARD_END):
        return Range(r.first, position, position, 0)
    if is_record(position) and is_record(r.to) and int(r.to) <= int(position):
        return Range(r.first, position, position, 0)
    return Range(r.first, position, r.to, None)

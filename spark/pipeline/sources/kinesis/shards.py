"""Which shards there are, which came from which, and which may be read.

A split makes two shards of one, a merge one of two. The parents are closed then, and what came in
before is in them alone: a shard is begun when every parent has been read through, so that the
records of a partition key keep their order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from spark.pipeline.sources.kinesis.offsets import Range, ShardName
from spark.pipeline.sources.kinesis.position import SHARD_END


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard, as Kinesis lists it."""

    name: ShardName
    first: str
    """Sequence number that it starts with."""
    parents: tuple[ShardName, ...] = ()
    closed: bool = False
    """Whether it takes no more records."""


class Lineage:
    """The shards that are listed."""

    def __init__(self, shards: Iterable[Shard] = ()) -> None:
        self.shards = {shard.name: shard for shard in shards}
        self._children: dict[ShardName, list[ShardName]] = {}
        for shard in self.shards.values():
            for parent in shard.parents:
                self._children.setdefault(parent, []).append(shard.name)

    def firsts(self) -> dict[ShardName, str]:
        """What tells a shard from another of its name: the sequence number that it starts with."""
        return {name: shard.first for name, shard in self.shards.items()}

    def children(self, name: ShardName) -> list[ShardName]:
        """Shards that were made of this one, by a split or a merge."""
        return self._children.get(name, [])

    def read_through(self, name: ShardName, known: Collection[ShardName]) -> bool:
        """Whether one of ``known`` came from this shard: it was begun, so this one is done."""
        return any(
            child in known or self.read_through(child, known) for child in self.children(name)
        )

    def startable(self, ranges: Mapping[ShardName, Range]) -> Iterator[Shard]:
        """Shards that nobody has begun and whose parents are all done.

        Args:
            ranges: what is being read, and what was read through and is still remembered.
        """

        def done(parent: ShardName) -> bool:
            if parent not in self.shards:
                return True  # the stream keeps none of its records any longer
            if parent in ranges:
                return ranges[parent].to == SHARD_END
            return self.read_through(parent, ranges)

        for name, shard in sorted(self.shards.items()):
            begun = name in ranges or self.read_through(name, ranges)
            if not begun and all(done(parent) for parent in shard.parents):
                yield shard

    def awaits_children(self, name: ShardName, ranges: Collection[ShardName]) -> bool:
        """Whether a shard that was read through has children that nobody has begun, or lists yet.

        As long as it does, it has to be remembered, or it would be begun again.
        """
        children = self.children(name)
        return name in self.shards and not (children and all(c in ranges for c in children))

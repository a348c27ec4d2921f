"""The shards of the streams, their parents, and which of them may be read.

A split makes two shards of one, a merge one of two. The parents are then closed and contain the
earlier records. A shard is read only after all its parents were read to their end, so that the
records of a partition key keep their order.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from spark.pipeline.sources.kinesis.offsets import Range, ShardName
from spark.pipeline.sources.kinesis.position import SHARD_END


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard from the list of Kinesis."""

    name: ShardName
    first: str
    """Sequence number with which it starts."""
    parents: tuple[ShardName, ...] = ()
    closed: bool = False
    """Whether it takes no more records."""


class Lineage:
    """The listed shards and their parents."""

    def __init__(self, shards: Iterable[Shard] = ()) -> None:
        self.shards = {shard.name: shard for shard in shards}
        self._children: dict[ShardName, list[ShardName]] = {}
        for shard in self.shards.values():
            for parent in shard.parents:
                self._children.setdefault(parent, []).append(shard.name)

    def firsts(self) -> dict[ShardName, str]:
        """Return the first sequence numbers, which tell shards of the same name apart."""
        return {name: shard.first for name, shard in self.shards.items()}

    def children(self, name: ShardName) -> list[ShardName]:
        """Return the shards that a split or a merge made from this one."""
        return self._children.get(name, [])

    def read_through(self, name: ShardName, known: Collection[ShardName]) -> bool:
        """Return whether a descendant is in ``known``, so that this shard was read to its end."""
        return any(
            child in known or self.read_through(child, known) for child in self.children(name)
        )

    def startable(self, ranges: Mapping[ShardName, Range]) -> Iterator[Shard]:
        """Yield the shards that were not begun and whose parents were read to their end.

        Args:
            ranges: ranges of shards that are being read, or that are kept after their end.
        """

        def done(parent: ShardName) -> bool:
            if parent not in self.shards:
                return True  # all records of the parent have expired
            if parent in ranges:
                return ranges[parent].to == SHARD_END
            return self.read_through(parent, ranges)

        for name, shard in sorted(self.shards.items()):
            begun = name in ranges or self.read_through(name, ranges)
            if not begun and all(done(parent) for parent in shard.parents):
                yield shard

    def awaits_children(self, name: ShardName, ranges: Collection[ShardName]) -> bool:
        """Return whether a shard that has ended has children that were not begun or listed yet.

        Until they are begun, the offset keeps the shard, which would else be read again.
        """
        children = self.children(name)
        return name in self.shards and not (children and all(c in ranges for c in children))

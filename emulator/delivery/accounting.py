"""Counts the outcomes of rows: sent = acknowledged + failed, once all are settled."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from contract.entities import ENTITIES
from emulator.delivery.request import Row


@dataclass(slots=True)
class Count:
    """Rows of one entity."""

    sent: int = 0
    """Rows passed to the sender."""
    acknowledged: int = 0
    """Sent rows that a response reports as stored."""
    failed: int = 0
    """Sent rows that were rejected, or whose last attempt got no response."""
    retried: int = 0
    """Attempts after the first one of a row."""
    missing: int = 0
    """Rows of drawn posts that the source does not have; they are never sent."""


@dataclass
class Accounting:
    """The counts of one run. The sender has many threads and counts under its lock."""

    posts: int = 0
    """Posts drawn."""
    requests: int = 0
    """Attempts, with or without a response."""
    replayed: int = 0
    """Rows that an earlier run has left in the outbox."""
    kept: int = 0
    """Failed rows that the next run sends, since no response has rejected them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why rows failed."""
    entities: dict[str, Count] = field(
        default_factory=lambda: {entity.name: Count() for entity in ENTITIES}
    )

    def post(self) -> None:
        """Count a drawn post."""
        self.posts += 1

    def attempt(self) -> None:
        """Count an attempt."""
        self.requests += 1

    def sent(self, rows: Iterable[Row]) -> None:
        """Count rows passed to the sender."""
        for row in rows:
            self.entities[row.entity.name].sent += 1

    def acknowledged(self, rows: Iterable[Row]) -> None:
        """Count stored rows."""
        for row in rows:
            self.entities[row.entity.name].acknowledged += 1

    def failed(self, rows: Iterable[Row], reason: str, *, kept: bool) -> None:
        """Count failed rows; ``kept`` if the next run sends them."""
        for row in rows:
            self.entities[row.entity.name].failed += 1
            self.reasons[reason] += 1
            self.kept += kept

    def retried(self, rows: Iterable[Row]) -> None:
        """Count rows that are sent again."""
        for row in rows:
            self.entities[row.entity.name].retried += 1

    def missing(self, entity: str) -> None:
        """Count a row that the source does not have."""
        self.entities[entity].missing += 1

    @property
    def total(self) -> Count:
        """The counts of the three entities together."""
        sums = Counter[str]()
        for count in self.entities.values():
            sums.update(asdict(count))
        return Count(**sums)

    @property
    def complete(self) -> bool:
        """Whether every row that was drawn is stored."""
        total = self.total
        return total.acknowledged == total.sent and not total.missing

    def summary(self) -> dict[str, Any]:
        """The counts as a JSON document."""
        return {
            "posts": self.posts,
            **asdict(self.total),
            "requests": self.requests,
            "replayed": self.replayed,
            "kept": self.kept,
            "reasons": dict(self.reasons),
            "entities": {name: asdict(count) for name, count in self.entities.items()},
        }

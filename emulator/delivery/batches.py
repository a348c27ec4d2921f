"""Collects rows until they fill a request."""

from collections.abc import Iterator

from contract.entities import ENTITIES
from emulator.delivery.request import Row


class Batches:
    """Rows by entity, in batches of ``size`` that keep the order of ``add``."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: dict[str, list[Row]] = {entity.name: [] for entity in ENTITIES}

    def add(self, row: Row) -> list[Row]:
        """Add a row; return the batch if it is full, else an empty list."""
        # By name: an entity is hashed column by column, and this runs once a row.
        rows = self._rows[row.entity.name]
        rows.append(row)
        if len(rows) < self._size:
            return []
        self._rows[row.entity.name] = []
        return rows

    def rest(self) -> Iterator[list[Row]]:
        """Return the incomplete batches: pin, geo, user."""
        for name, rows in self._rows.items():
            if rows:
                self._rows[name] = []
                yield rows

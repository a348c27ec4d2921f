"""Gathers rows until they fill a request."""

from __future__ import annotations

from collections.abc import Iterator

from contract.entities import ENTITIES
from emulator.delivery.request import Row


class Batches:
    """Rows by entity, handed out in batches of ``size``, each in the order of arrival."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: dict[str, list[Row]] = {entity.name: [] for entity in ENTITIES}

    def add(self, row: Row) -> list[Row]:
        """Take a row; return the batch that it filled, else nothing."""
        # By name: an entity is hashed column by column, and this runs once a row.
        rows = self._rows[row.entity.name]
        rows.append(row)
        if len(rows) < self._size:
            return []
        self._rows[row.entity.name] = []
        return rows

    def rest(self) -> Iterator[list[Row]]:
        """Hand out what is left, pin, geo, user."""
        for name, rows in self._rows.items():
            if rows:
                self._rows[name] = []
                yield rows

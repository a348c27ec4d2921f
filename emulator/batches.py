"""Gathers rows until they fill a request."""

from __future__ import annotations

from collections.abc import Iterator

from contract.entities import ENTITIES, Entity
from emulator.request import Row


class Batches:
    """Rows by entity, handed out in batches of ``size``, each in the order of arrival."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._rows: dict[Entity, list[Row]] = {entity: [] for entity in ENTITIES}

    def add(self, row: Row) -> list[Row]:
        """Take a row; return the batch that it filled, else nothing."""
        rows = self._rows[row.entity]
        rows.append(row)
        if len(rows) < self._size:
            return []
        self._rows[row.entity] = []
        return rows

    def rest(self) -> Iterator[list[Row]]:
        """Hand out what is left, pin, geo, user."""
        for entity, rows in self._rows.items():
            if rows:
                self._rows[entity] = []
                yield rows

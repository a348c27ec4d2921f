"""What a cleaned table holds, remembered by its only writer.

Most posts of a small batch are new, or are there already just as they came: a sender's restart
replays them. Telling so from memory saves the reading of the table, which costs more than all the
rest of such a batch; what memory can't tell is left to ``Table.merge``.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from spark.pipeline.schemas import KEY

MAX_KEYS = 1_000_000
"""Keys that are remembered: some 150 MB."""


def fingerprint(names: list[str]) -> Column:
    """Return 64 bits that tell one row's values from another's; a null is a value like others."""
    # A hash passes over nulls: without the second half, a text that moves to the next column
    # would leave it as it is.
    return F.xxhash64(*names, *(F.col(name).isNull() for name in names))


class RowCache:
    """Key and fingerprint of the rows of a table.

    Args:
        table: the rows of the cleaned table; None of one that was just made.
        most: keys to remember.
    """

    def __init__(self, table: DataFrame | None, most: int = MAX_KEYS) -> None:
        self._most = most
        rows: list[Row] = []
        if table is not None:
            rows = table.select(KEY, fingerprint(table.columns)).limit(most + 1).collect()
        self._complete = len(rows) <= most
        self._rows: dict[int, int] = dict(rows[:most])

    def changes(self, rows: Iterable[tuple[int, int]]) -> tuple[list[int], bool]:
        """Compare rows, given as key and fingerprint, with the table's.

        Returns:
            Keys of the rows that the table hasn't got, and whether it has none of these keys.
        """
        keys = [key for key, value in rows if self._rows.get(key) != value]
        return keys, self._complete and not any(key in self._rows for key in keys)

    def remember(self, rows: Iterable[tuple[int, int]]) -> None:
        """Note that the table holds these rows now."""
        for key, value in rows:
            if key in self._rows or len(self._rows) < self._most:
                self._rows[key] = value
            else:
                self._complete = False

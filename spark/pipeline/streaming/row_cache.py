"""Hop 7: the rows of a cleaned table, cached in memory by its only writer.

Most posts of a small batch are either new, or already in the table without a change after a
sender's restart. The cache recognises both without reading the table, which takes longer than the
rest of such a batch. ``Table.merge`` handles the rows that the cache cannot decide on.
"""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from spark.pipeline.schemas import KEY

MAX_KEYS = 1_000_000
"""Keys in the cache at most: some 150 MB."""


def fingerprint(names: list[str]) -> Column:
    """Return a 64-bit hash of a row's values, in which nulls count."""
    # xxhash64 skips nulls: without the second half, the hash would stay the same if a text moved
    # to another column.
    return F.xxhash64(*names, *(F.col(name).isNull() for name in names))


class RowCache:
    """Key and fingerprint of the rows of a table.

    Args:
        table: the rows of the cleaned table; None if it was just created.
        most: number of keys in the cache, at most.
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
            Keys of the rows that are new or changed, and whether all of these keys are new.
        """
        keys = [key for key, value in rows if self._rows.get(key) != value]
        return keys, self._complete and not any(key in self._rows for key in keys)

    def remember(self, rows: Iterable[tuple[int, int]]) -> None:
        """Add rows that were written to the table."""
        for key, value in rows:
            if key in self._rows or len(self._rows) < self._most:
                self._rows[key] = value
            else:
                self._complete = False

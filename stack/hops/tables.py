"""Hop 7, Delta: the tables that Spark keeps, read without Spark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from contract import names
from contract.entities import Entity
from contract.results import Result
from stack.errors import HopError
from stack.hops.access import Access

HOP = "delta"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a Delta table, at a version."""

    uri: str
    version: int
    rows: list[dict[str, Any]]


def read(
    access: Access, name: str, columns: list[str] | None = None, where: Any = None
) -> Table | None:
    """Read a table of the batch road; None if it doesn't exist.

    Args:
        columns: the columns to read, all by default.
        where: filters as deltalake takes them, such as ``[("ind", "=", 7528)]``.

    Raises:
        HopError: it's there and can't be read, or S3 doesn't answer.
    """
    uri = f"{access.settings.batch_root}/{name}"
    try:
        table = DeltaTable(uri, storage_options=access.delta_storage_options)
        rows = table.to_pyarrow_table(columns=columns, filters=where).to_pylist()
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise HopError(HOP, f"table {uri}: {error}") from error
    return Table(uri, table.version(), rows)


def keys(access: Access, entity: Entity) -> list[int]:
    """Every key in an entity's cleaned table."""
    table = read(access, names.table(access.settings.user_id, entity), ["ind"])
    return [row["ind"] for row in table.rows] if table else []


def quarantined(access: Access, entity: Entity) -> list[dict[str, Any]]:
    """Every row in an entity's quarantine table."""
    table = read(access, names.quarantine_table(access.settings.user_id, entity))
    return table.rows if table else []


def result(access: Access, wanted: Result) -> Table | None:
    """One of the nine results, or None if no batch has run yet."""
    name = names.result_table(access.settings.user_id, wanted.name)
    return read(access, name, list(wanted.columns))

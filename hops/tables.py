"""Hop 7, Delta: the tables that Spark writes, read without Spark."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, TableNotFoundError

from contract import names
from contract.entities import Entity
from contract.results import Result
from hops.access import Access
from hops.errors import HopError, hop_errors

HOP = "delta"
Pipeline = Literal["batch", "streaming"]
IN_ORDER = {"datafusion.execution.target_partitions": "1"}
"""One partition keeps rows in the order of the file."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a Delta table at one version."""

    version: int
    rows: list[dict[str, Any]]


def read(
    access: Access,
    name: str,
    columns: Sequence[str] = (),
    key: int | None = None,
    pipeline: Pipeline = "batch",
) -> Table | None:
    """Read a table; None if it doesn't exist.

    Args:
        columns: the columns to read, all by default.
        key: the key of the rows to read, all by default.
        pipeline: the pipeline that writes the table.

    Raises:
        HopError: the table exists and can't be read, or S3 doesn't respond.
    """
    uri = uri_of(access, name, pipeline)
    query = f"SELECT {', '.join(map(_quoted, columns)) or '*'} FROM rows"
    if key is not None:
        query += f" WHERE ind = {key:d}"
    try:
        table = DeltaTable(uri, storage_options=access.delta_storage_options)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError) as error:
        raise HopError(HOP, f"table {uri}: {error}") from error
    # The errors of a query share no class but Exception.
    with hop_errors(HOP, f"table {uri}", Exception):
        # Not as an Arrow dataset: its threads read through a file system in Python, and a thread
        # that still reads while the interpreter closes aborts the program.
        found = QueryBuilder(IN_ORDER).register("rows", table).execute(query).read_all()
    return Table(table.version(), pa.table(found).to_pylist())


def uri_of(access: Access, name: str, pipeline: Pipeline = "batch") -> str:
    """URI of a table."""
    settings = access.settings
    root = settings.batch_root if pipeline == "batch" else settings.streaming_root
    return f"{root}/{name}"


def _quoted(column: str) -> str:
    return f'"{column}"'


def keys(access: Access, entity: Entity, pipeline: Pipeline = "batch") -> list[int]:
    """Every key in an entity's cleaned table."""
    table = read(access, names.table(access.settings.user_id, entity), ["ind"], pipeline=pipeline)
    return [row["ind"] for row in table.rows] if table else []


def quarantined(access: Access, entity: Entity) -> list[dict[str, Any]]:
    """Every row in an entity's quarantine table."""
    table = read(access, names.quarantine_table(access.settings.user_id, entity))
    return table.rows if table else []


def live(access: Access) -> Table | None:
    """The live metrics of all streams, or None if nothing has been streamed yet."""
    return read(access, names.live_table(access.settings.user_id), pipeline="streaming")


def result(access: Access, definition: Result) -> Table | None:
    """One of the nine results, or None if no batch has run yet."""
    name = names.result_table(access.settings.user_id, definition.name)
    return read(access, name, definition.columns)

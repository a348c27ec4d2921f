"""Hop 1, the source database: the rows of one post."""

from typing import Any

from sqlalchemy import ColumnClause, column, create_engine, select, table
from sqlalchemy.exc import SQLAlchemyError

from contract.entities import Entity
from contract.wire import wire_row
from hops.access import Access
from hops.errors import HopError

HOP = "source"


def row(access: Access, entity: Entity, key: int) -> dict[str, Any] | None:
    """The row of an entity with ``key``, in wire form.

    Raises:
        HopError: the database doesn't respond, or has no such table.
    """
    url = access.settings.source_database_url
    columns: list[ColumnClause[Any]] = [column(name) for name in entity.column_names]
    query = select(*columns).select_from(table(entity.table, *columns))
    try:
        with create_engine(url).connect() as connection:
            found = connection.execute(query.where(column(entity.key) == key)).mappings().first()
    except SQLAlchemyError as error:
        raise HopError(HOP, f"{url}: {str(error).splitlines()[0]}") from error
    return None if found is None else wire_row(entity, dict(found))

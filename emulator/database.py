"""How the source database is opened: any SQLAlchemy URL, SQLite and MySQL tried.

Hop 1; stands for the connection to RDS for MySQL.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from contract.errors import PipelineError


class DatabaseError(PipelineError):
    """The source database can't be reached, or doesn't hold what is asked of it."""


def reason(error: BaseException) -> str:
    """The first line of what the database said, without SQLAlchemy's page of background."""
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]


def parse(url: str) -> URL:
    """Read an SQLAlchemy URL; MySQL's gets the driver and the character set that this project uses.

    Raises:
        DatabaseError: it is no SQLAlchemy URL, or of a database without a driver here.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername == "mysql":
            parsed = parsed.set(drivername="mysql+pymysql")
        if parsed.get_backend_name() in ("mysql", "mariadb") and "charset" not in parsed.query:
            parsed = parsed.update_query_dict({"charset": "utf8mb4"})
        parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise DatabaseError(f"source database URL can't be used: {error}") from error
    return parsed


def connect(url: str, *, create: bool = False) -> sa.Engine:
    """Return an engine for ``url``; nothing is connected yet.

    Args:
        url: an SQLAlchemy URL.
        create: make the folder of an SQLite file. A reader leaves it False, and then a file
            that isn't there is an error, where SQLite would make an empty one.

    Raises:
        DatabaseError: the URL can't be used, or the SQLite file isn't there or its folder can't
            be made.
    """
    parsed = parse(url)
    file = parsed.database if parsed.get_backend_name() == "sqlite" else None
    if file and file != ":memory:":
        if create:
            try:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseError(f"source database {shown(url)}: {error}") from error
        elif not Path(file).is_file():
            raise DatabaseError(
                f"source database {shown(url)} isn't there; `pinpipe dataset load` makes it"
            )
    engine = sa.create_engine(parsed, pool_pre_ping=file is None)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _leave_transactions_to_us)
        event.listen(engine, "begin", _begin)
    return engine


def shown(url: str) -> str:
    """The URL as it may be printed: its password hidden."""
    return make_url(url).render_as_string(hide_password=True)


def _leave_transactions_to_us(connection: Any, _record: object) -> None:
    # Python's sqlite3 opens a transaction before an INSERT but not before a CREATE TABLE, so
    # that a load would not be one transaction; with None it opens none, and BEGIN is ours.
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")

"""Opens the source database (hop 1): any SQLAlchemy URL, tested with SQLite and MySQL.

It stands for the connection to RDS for MySQL.
"""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from contract.errors import PipelineError


class DatabaseError(PipelineError):
    """The source database cannot be reached, or lacks the requested rows or tables."""


def reason(error: BaseException) -> str:
    """The first line of the database's own error, without SQLAlchemy's explanations."""
    return (str(getattr(error, "orig", None) or error).splitlines() or [type(error).__name__])[0]


def parse(url: str) -> URL:
    """Parse an SQLAlchemy URL; add this project's driver and character set to one of MySQL.

    Raises:
        DatabaseError: ``url`` is no SQLAlchemy URL, or its database has no driver installed.
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
    """Return an engine for ``url``, without connecting.

    Args:
        url: an SQLAlchemy URL.
        create: create the folder of an SQLite file. Without it a missing file is an error,
            where SQLite would create an empty one.

    Raises:
        DatabaseError: the URL cannot be used, the SQLite file is missing, or its folder cannot
            be created.
    """
    parsed = parse(url)
    file = parsed.database if parsed.get_backend_name() == "sqlite" else None
    if parsed.get_backend_name() == "sqlite":
        if not file or file == ":memory:":
            raise DatabaseError(
                f"source database {shown(url)} names no file, so its rows would be lost"
            )
        if create:
            try:
                Path(file).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise DatabaseError(f"source database {shown(url)}: {error}") from error
        elif not Path(file).is_file():
            raise DatabaseError(
                f"source database {shown(url)} does not exist; `pinpipe dataset load` creates it"
            )
    try:
        engine = sa.create_engine(parsed, pool_pre_ping=file is None)
    except ImportError as error:
        raise DatabaseError(
            f"source database {shown(url)}: {error}; write mysql+pymysql:// or sqlite:///"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _disable_implicit_transactions)
        event.listen(engine, "begin", _begin)
    return engine


def shown(url: str) -> str:
    """The URL with its password hidden, for messages."""
    return make_url(url).render_as_string(hide_password=True)


def _disable_implicit_transactions(connection: Any, _record: object) -> None:
    # Python's sqlite3 opens a transaction before an INSERT but not before a CREATE TABLE, so
    # a load would not be one transaction. With None it opens none, and `_begin` does.
    connection.isolation_level = None


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")

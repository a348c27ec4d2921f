"""The smallest source database that has all tables."""

import sqlite3
from pathlib import Path

from contract.entities import ENTITIES


def make(file: Path) -> Path:
    """Create a database in ``file`` with the three tables, each with one row of a key alone."""
    connection = sqlite3.connect(file)
    with connection:
        for entity in ENTITIES:
            connection.execute(f'create table {entity.table} ("{entity.key}" integer)')
            connection.execute(f"insert into {entity.table} values (1)")
    connection.close()
    return file

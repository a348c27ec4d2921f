"""The smallest source database that has all tables."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from contract.entities import ENTITIES


def make(file: Path) -> Path:
    """Make ``file`` a database with the three tables, a key and nothing else in each."""
    connection = sqlite3.connect(file)
    with connection:
        for entity in ENTITIES:
            connection.execute(f'create table {entity.table} ("{entity.key}" integer)')
            connection.execute(f"insert into {entity.table} values (1)")
    connection.close()
    return file

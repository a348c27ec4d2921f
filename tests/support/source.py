"""What the source database has of some posts, for who holds the tables against it."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from contract.entities import ENTITIES
from emulator import database
from emulator.dataset.tables import TABLES
from tests.support.data import arrow
from tests.support.oracle import Oracle


def oracle(url: str, keys: Collection[int]) -> Oracle:
    """What the tables must hold of the posts with these keys, by the database at ``url``."""
    engine = database.connect(url)
    frames = []
    with engine.connect() as connection:
        for entity in ENTITIES:
            table = TABLES[entity]
            wanted = sa.select(table).where(table.c[entity.key].in_(keys))
            frames.append(arrow(entity, [{**r} for r in connection.execute(wanted).mappings()]))
    engine.dispose()
    return Oracle(*frames)

"""The rows of some posts in the source database, with which tests compare the Delta tables."""

from collections.abc import Collection

import sqlalchemy as sa

from contract.entities import ENTITIES
from emulator import database
from emulator.dataset.tables import TABLES
from tests.support.data import arrow
from tests.support.oracle import Oracle


def oracle(url: str, keys: Collection[int]) -> Oracle:
    """The expected rows of the posts with these keys, from the database at ``url``."""
    engine = database.connect(url)
    frames = []
    with engine.connect() as connection:
        for entity in ENTITIES:
            table = TABLES[entity]
            query = sa.select(table).where(table.c[entity.key].in_(keys))
            frames.append(arrow(entity, [{**r} for r in connection.execute(query).mappings()]))
    engine.dispose()
    return Oracle(*frames)

"""The source database of the running stack."""

from contextlib import closing
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contract.entities import ENTITIES
from emulator.source import Source


def test_the_stack_has_every_post_and_loads_them_once(stack: Any) -> None:
    done = stack.run("dataset-load")
    assert "11,154 posts" in done.stderr
    assert "left as they are" in done.stderr
    assert "11,154 posts" in stack.engine.last_line("dataset-load"), "which `up` shows"
    with closing(Source(stack.settings.source_database_url)) as source:
        assert list(source.keys()) == list(range(11154))
        post = source.read([7528])[7528]
    assert [row.entity for row in post.rows] == list(ENTITIES)
    assert post.rows[1].value["country"] == "Albania"


def test_a_script_gets_row_counts_and_dates_as_from_rds(stack: Any) -> None:
    engine = sa.create_engine(stack.settings.source_database_url)
    with engine.connect() as connection:
        result = connection.execute(sa.text("SELECT * FROM geolocation_data LIMIT 0, 1"))
        assert result.rowcount == 1
        (row,) = result
    engine.dispose()
    assert isinstance(row.timestamp, datetime)

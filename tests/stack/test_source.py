"""The source database of the running stack."""

from contextlib import closing
from typing import Any

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

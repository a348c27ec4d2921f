"""The table of the live metrics contains all streams, also after restarts and failures."""

import pytest

from contract import names
from contract.entities import GEO, USER, Entity
from tests.support.lake import ID
from tests.support.stream import Stream, Tables


def posts(tables: Tables, entity: Entity) -> int | None:
    """Posts of the last hour."""
    found = tables.live(entity).get(("posts", "hour", names.stream(ID, entity)))
    return found and found[0]


@pytest.mark.slow
def test_the_table_keeps_all_streams_while_only_one_has_restarted(tables: Tables) -> None:
    live_table, geo, user = tables.new_live_table(), Stream(GEO), Stream(USER)
    for stream in (geo, user):
        sink = tables.sink(stream.entity, live=live_table)
        sink(tables.frame(stream.put('{"ind":1}', "junk")), 0)
    live_table.flush()
    assert (posts(tables, GEO), posts(tables, USER)) == (1, 1)
    before = tables.live(USER)
    restarted = tables.new_live_table()
    tables.sink(GEO, live=restarted)(tables.frame(geo.put('{"ind":2}')), 1)
    restarted.flush()
    assert posts(tables, GEO) == 2
    assert tables.live(USER) == before
    assert before["quarantined", "hour", "not_json"] == (1, 1)


def test_a_failed_write_is_raised_and_its_rows_are_written_later(tables: Tables) -> None:
    broken = [LookupError("the lock")]

    def check_lock() -> None:
        if broken:
            raise broken.pop()

    live_table = tables.new_live_table(check_lock)
    live_table.publish("one", [("posts", "hour", 0, 3_600_000, "one", 5, 1)])
    with pytest.raises(LookupError):
        live_table.flush()
    live_table.publish("two", [("posts", "hour", 0, 3_600_000, "two", 6, 1)])
    live_table.flush()
    rows = tables.live_metrics.read(tables.spark).select("stream", "value").collect()
    assert sorted(map(tuple, rows)) == [("one", 5), ("two", 6)]

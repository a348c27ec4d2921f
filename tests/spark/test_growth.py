"""Files and commits of the streaming tables have a bound, however many batches there were."""

import os
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from contract.entities import GEO
from spark.pipeline.delta.maintenance import maintain_table
from spark.pipeline.delta.tables import SHORT_LIVED, Table
from spark.pipeline.streaming import counted_posts, sink
from tests.support.stream import Stream, Tables

INTERVAL, BATCHES, ROUNDS = 4, 6, 2
"""Commits between two checkpoints, batches between two times of maintenance, and these."""


@pytest.mark.slow
def test_the_tables_of_a_stream(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sink.CHECKPOINTS, GEO, str(INTERVAL))
    monkeypatch.setitem(SHORT_LIVED, "delta.deletedFileRetentionDuration", "interval 0 seconds")
    monkeypatch.setattr(counted_posts, "BATCHES", 1)
    stream, feed, location = Stream(GEO), tables.sink(GEO), tables.location(GEO)
    for round in range(ROUNDS):
        for number in range(BATCHES):
            key = round * BATCHES + number
            feed(tables.frame(stream.put(f'{{"ind":{key}}}', f"junk {key}", at=key)), key)
        feed.flush()
        of_round = [*location.tables, tables.live_metrics]
        if not round:
            assert {len(files(table)) for table in of_round} >= {BATCHES}
        for table in of_round:
            age(table)
            maintain_table(tables.spark, table, lambda: None, nullcontext())
            if table is not of_round[-1]:  # whose files of the last hour are kept
                assert len(files(table)) == 1
    assert len(commits(location.table)) <= 2 * INTERVAL < ROUNDS * BATCHES
    assert set(tables.cleaned(GEO)) == set(range(ROUNDS * BATCHES))
    assert len(tables.quarantine(GEO)) == ROUNDS * BATCHES
    # The next sink continues with what is left of the log.
    tables.sink(GEO)(tables.frame(stream.put('{"ind":0}', '{"ind":99}', at=99)), 99)
    assert set(tables.cleaned(GEO)) == {*range(ROUNDS * BATCHES), 99}


def files(table: Table) -> list[Path]:
    """Return the data files in the folder of a table, also of old versions."""
    return list(Path(table.uri).glob("*.parquet"))


def commits(table: Table) -> list[Path]:
    """Return the commits in the log of a table."""
    return list(Path(table.uri).glob("_delta_log/*.json"))


def age(table: Table) -> None:
    """Make the log of a table two hours old."""
    at = time.time() - 7200
    for file in Path(table.uri).glob("_delta_log/*"):
        os.utime(file, (at, at))

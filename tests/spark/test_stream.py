"""The streaming pipeline's sink writes the rows of the batch pipeline, and batches may repeat."""

import pytest
from pyspark.sql import SparkSession

from contract import names
from contract.entities import ENTITIES, GEO, Entity
from emulator.dataset.generate import Block
from spark.pipeline.errors import LockError
from spark.pipeline.streaming import counted_posts
from spark.pipeline.streaming.row_cache import RowCache, fingerprint
from tests.spark.test_cleaning import FOLLOWERS
from tests.spark.test_parse import BAD
from tests.support.data import lines
from tests.support.lake import ID, Lake
from tests.support.stream import SHARD, Feed, Stream, Tables, seconds


def countries(tables: Tables) -> dict[int, str | None]:
    """Countries in the cleaned geo table, by key."""
    return {key: row["country"] for key, row in tables.cleaned(GEO).items()}


def _records(entity: Entity, block: Block) -> tuple[list[str], list[str]]:
    """Return two batches: posts and golden records; junk and repeated posts, some changed."""
    rows = block.rows(entity)
    generated = list(lines(entity, rows[:300]))
    golden = [
        f'{{"{entity.key}":{20_000 + n},"follower_count":"{text}","country":"C{n}"}}'
        for n, text in enumerate(t for t in FOLLOWERS if isinstance(t, str) and '"' not in t)
    ]
    junk = [raw for of, raw, *_ in BAD if of is entity and len(raw) < 1000]
    changed = [f'{{"{entity.key}":{row[entity.key]}}}' for row in rows[10:20]]
    return [*generated[:200], *golden], [*junk, *changed, *generated[150:], *generated[:5]]


@pytest.mark.slow
def test_the_batch_pipeline_and_the_streaming_pipeline_agree(
    lake: Lake, tables: Tables, block: Block
) -> None:
    """Both write the same rows for the same records; a repeated batch changes nothing."""
    for entity in ENTITIES:
        first, second = _records(entity, block)
        lake.put(entity, 0, *first, *second)
    lake.ingest()
    for entity in ENTITIES:
        stream, sink = Stream(entity), tables.sink(entity)
        for number, batch in enumerate(_records(entity, block)):
            sink(tables.frame(stream.put(*batch, at=number)), number)
        assert tables.cleaned(entity) == lake.cleaned(entity)
        assert len(lake.cleaned(entity)) > 300
        quarantine, theirs = tables.quarantine(entity), lake.quarantine(entity)
        refused = [(row["raw"], row["rule"], row["reason"]) for row in quarantine]
        assert sorted(refused) == sorted((r["raw"], r["rule"], r["reason"]) for r in theirs)
        assert len(refused) == len({row["sequence_number"] for row in quarantine})
    # A job that is killed before its checkpoint's commit repeats the batch.
    stream, sink = Stream(GEO), tables.sink(GEO)
    before = tables.versions()
    first, second = _records(GEO, block)
    stream.put(*first)
    sink(tables.frame(stream.put(*second, at=1)), 1)
    for name in (f"{ID}_geo_table", f"{ID}_geo_arrivals"):
        assert tables.versions()[name] == before[name]
    assert len(tables.quarantine(GEO)) == len(lake.quarantine(GEO))


def test_positions_and_bytes(tables: Tables) -> None:
    """The greatest sequence number wins, as a number; invalid UTF-8 is quarantined."""
    stream = Stream(GEO)
    older = stream.put('{"ind":1,"country":"Chad"}')  # 99
    newer = stream.put('{"ind":1,"country":"Mali"}', '{"ind":2,"country":"Fiji"}')  # 100
    junk = stream.put(b"\xff\xfe", b"", at=1.5)
    sink = tables.sink(GEO)
    sink(tables.frame([*newer, *junk, *older]), 0)
    assert countries(tables) == {1: "Mali", 2: "Fiji"}
    found = {row["sequence_number"]: row for row in tables.quarantine(GEO)}
    assert {n: row["rule"] for n, row in found.items()} == {"102": "not_json", "103": "empty"}
    assert found["102"]["raw"] == "\ufffd\ufffd"
    assert (found["102"]["stream"], found["102"]["shard"]) == (f"streaming-{ID}-geo", SHARD)
    assert str(found["102"]["arrived_at"]) == "2026-11-25 12:00:01.500000"


@pytest.mark.slow
def test_a_batch_costs_one_commit_per_table_and_none_without_changes(tables: Tables) -> None:
    stream, name = Stream(GEO), f"{ID}_geo_table"
    sink = tables.sink(GEO)

    def commits(*data: str) -> int:
        before = tables.versions()[name]
        sink(tables.frame(stream.put(*data)), 0)
        return tables.versions()[name] - before

    one, two = '{"ind":1,"country":"Chad"}', '{"ind":2,"country":"Mali"}'
    assert commits(one) == 1
    assert commits(one, one) == 0
    assert commits(one, two, two) == 1
    assert commits('{"ind":2}', '{"ind":3}', one) == 1
    assert countries(tables) == {1: "Chad", 2: None, 3: None}


@pytest.mark.slow
def test_counted_posts_in_notes_of_commits_are_written_later(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are in their table after some batches, once each, even if the job is killed."""
    monkeypatch.setattr(counted_posts, "BATCHES", 3)
    stream, name = Stream(GEO), f"{ID}_geo_arrivals"

    def stored() -> list[int]:
        return sorted(
            row["ind"] for row in tables.location(GEO).counted_posts.read(tables.spark).collect()
        )

    def batch(sink: Feed, key: int) -> None:
        sink(tables.frame(stream.put(f'{{"ind":{key}}}', at=key * 4_000)), key)  # hours apart

    sink = tables.sink(GEO)
    batch(sink, 0)
    batch(sink, 1)
    assert stored() == []
    after_a_kill = tables.sink(GEO)
    batch(after_a_kill, 1)
    assert stored() == [0, 1]
    sink = tables.sink(GEO)
    before = tables.versions()[name]
    for key in (2, 3, 4):
        batch(sink, key)
    assert stored() == [0, 1, 2, 3, 4]
    assert tables.versions()[name] == before + 1
    batch(sink, 5)
    sink.flush()
    tables.sink(GEO).flush()
    assert stored() == [0, 1, 2, 3, 4, 5]


def test_the_next_job_publishes_the_posts_of_a_killed_one(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_table = tables.live_table
    killed = tables.sink(GEO)
    monkeypatch.setattr(live_table, "publish", lambda *_: None)  # killed before
    killed(tables.frame(Stream(GEO).put('{"ind":1}', '{"ind":2}')), 0)
    assert tables.live(GEO) == {}
    monkeypatch.undo()
    tables.sink(GEO).flush()
    assert tables.live(GEO)["posts", "hour", names.stream(ID, GEO)] == (2, 1)


def test_rows_outside_the_cache_are_compared_with_the_table(tables: Tables) -> None:
    first = tables.sink(GEO)
    first(tables.frame(Stream(GEO).put('{"ind":1}', '{"ind":2}', '{"ind":3}')), 0)
    sink = tables.sink(GEO)
    sink._row_cache = RowCache(tables.location(GEO).table.read(tables.spark), most=2)
    again = Stream(GEO).put('{"ind":1}', '{"ind":2}', '{"ind":3,"country":"Mali"}', '{"ind":4}')
    sink(tables.frame(again), 1)
    assert countries(tables) == {1: None, 2: None, 3: "Mali", 4: None}


def test_a_text_that_moves_to_another_column_is_another_row(spark: SparkSession) -> None:
    values = [(None, "a"), ("a", None), ("a", "a"), (None, None), ("", None)]
    frame = spark.createDataFrame(values, "one string, two string")
    found = frame.select(fingerprint(["one", "two"])).collect()
    assert len({row[0] for row in found}) == len(values)


def test_nothing_is_written_without_the_lock(tables: Tables) -> None:
    def lock_lost() -> None:
        raise LookupError("the lock")

    sink = tables.sink(GEO, lock_lost)
    for data in ('{"ind":1}', "junk"):
        with pytest.raises(LookupError):
            sink(tables.frame(Stream(GEO).put(data)), 0)
    assert (tables.cleaned(GEO), tables.quarantine(GEO)) == ({}, [])


@pytest.mark.slow
def test_a_sink_ends_when_the_next_one_has_begun(tables: Tables) -> None:
    """Neither its rows, appended or merged, nor its counted posts are added."""
    stream = Stream(GEO)
    first, again = stream.put('{"ind":1}'), stream.put('{"ind":2}')
    changed = stream.put('{"ind":1,"country":"Chad"}')
    suspended = [tables.sink(GEO)]
    suspended[0](tables.frame(first), 0)
    suspended += [tables.sink(GEO), tables.sink(GEO)]
    successor = tables.sink(GEO)
    successor(tables.frame(again), 1)
    for sink, batch in zip(suspended, (again, again, changed), strict=True):
        with pytest.raises(LockError, match="another run has begun to write this table"):
            sink(tables.frame(batch), 1)
    with pytest.raises(LockError):
        suspended[0].flush()
    successor.flush()
    assert countries(tables) == {1: None, 2: None}
    counted = tables.location(GEO).counted_posts.read(tables.spark).collect()
    assert sorted(row["ind"] for row in counted) == [1, 2]


@pytest.mark.slow
def test_the_live_metrics(tables: Tables) -> None:
    """Records with chosen arrivals: late, repeated, in two batches, and over a restart."""
    tables.clock[0] = seconds(12)
    stream, sink = Stream(GEO), tables.sink(GEO)
    chad, mali = '{"ind":%d,"country":"Chad"}', '{"ind":%d,"country":"Mali"}'
    sink(tables.frame(stream.put(chad % 1, chad % 1, chad % 2, mali % 3, "junk", at=10)), 0)
    sink.flush()
    live = tables.live(GEO)
    assert live == {
        **{("posts", window, f"streaming-{ID}-geo"): (3, 1) for window in ("minute", "hour")},
        **{("country", window, "Chad"): (2, 1) for window in ("minute", "hour")},
        **{("country", window, "Mali"): (1, 2) for window in ("minute", "hour")},
        **{("quarantined", window, "not_json"): (1, 1) for window in ("minute", "hour")},
        **{("freshness", "minute", label): (2000, 1) for label in ("p50", "p95", "max")},
    }
    # The first minute ends; a late record counts at its arrival, a repeated one does not count.
    late = stream.put(mali % 4, mali % 5, at=9)
    batch = [*stream.put(chad % 1, mali % 6, "junk", at=75), *late]
    tables.clock[0] = seconds(76)
    for make in (lambda: sink, lambda: tables.sink(GEO)):  # the second one after a kill -9
        attempt = make()
        attempt(tables.frame(batch), 1)
        attempt.flush()
        live = tables.live(GEO)
        assert {k[1:]: v for k, v in live.items() if k[0] == "country"} == {
            ("minute", "Mali"): (1, 1),
            ("hour", "Mali"): (4, 1),
            ("hour", "Chad"): (2, 2),
        }
        assert live["quarantined", "hour", "not_json"] == (2, 1)
        assert live["quarantined", "minute", "not_json"] == (1, 1)
        assert live["freshness", "minute", "max"] == (67_000, 1)
    # A post counts again an hour later; a post from before the watermark does not count.
    last = tables.sink(GEO)
    last(tables.frame(stream.put(chad % 1, at=3610)), 2)
    last(tables.frame(stream.put(mali % 7, at=9)), 3)
    last.flush()
    live = tables.live(GEO)
    assert live["country", "hour", "Chad"] == live["country", "hour", "Mali"] == (1, 1)
    assert live["posts", "hour", f"streaming-{ID}-geo"] == (2, 1)
    assert len(tables.cleaned(GEO)) == 7

"""The batch job on a local folder reads objects once, merges rows by key, and can be repeated."""

import json
from pathlib import Path

import pytest

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER
from contract.results import RESULTS
from emulator.dataset.generate import Block
from spark.jobs import run_batch
from spark.pipeline.delta.lock import writer_lock
from spark.pipeline.delta.maintenance import batch_tables
from tests.support.data import lines
from tests.support.lake import ID, Lake


def test_a_run_reads_new_objects_only_and_keeps_one_row_per_key(lake: Lake, block: Block) -> None:
    for entity in ENTITIES:
        lake.put(entity, 0, *lines(entity, block.rows(entity)[:30]), per_object=7)
    assert {
        name: (c.objects, c.records, c.good, c.quarantined, c.table_rows)
        for name, c in lake.ingest().items()
    } == dict.fromkeys(("pin", "geo", "user"), (5, 30, 30, 0, 30))
    before = {entity: lake.cleaned(entity) for entity in ENTITIES}

    # The same posts again, a changed one, and records that cannot be cleaned.
    for entity in ENTITIES:
        lake.put(entity, 30, *lines(entity, block.rows(entity)[:20]))
    lake.put(GEO, 50, '{"ind":3,"country":"Elsewhere"}', "junk", '{"ind":99}', "", "[1]")
    second = lake.ingest()
    assert [(c.objects, c.records, c.quarantined) for c in second.values()] == [
        (1, 20, 0),
        (2, 25, 3),
        (1, 20, 0),
    ]
    assert second["geo"].quarantined_by_rule == {"not_json": 1, "empty": 1, "not_an_object": 1}
    assert lake.cleaned(PIN) == before[PIN]
    assert lake.cleaned(USER) == before[USER]
    assert lake.cleaned(GEO).keys() == before[GEO].keys() | {99}
    assert lake.cleaned(GEO)[3]["country"] == "Elsewhere"

    third = lake.ingest()
    assert [c.records for c in third.values()] == [0, 0, 0]
    assert [c.table_rows for c in third.values()] == [30, 31, 30]
    quarantine = {row["raw"]: row for row in lake.quarantine(GEO)}
    assert set(quarantine) == {"junk", "", "[1]"}
    junk = quarantine["junk"]
    assert junk.pop("stored_at") is not None
    assert junk == {
        "raw": "junk",
        "rule": "not_json",
        "reason": "the record is not JSON",
        "topic": f"{ID}.geo",
        "partition": 0,
        "start_offset": 50,
        "line": 2,
        "object": f"topics/{ID}.geo/partition=0/{ID}.geo+0+0000000050.json",
    }


@pytest.mark.slow
def test_a_batch_that_is_read_again_changes_nothing(lake: Lake) -> None:
    """If a run is killed before its checkpoint's commit, the next run reads its batch again."""
    lake.put(GEO, 0, '{"ind":1,"country":"Chad"}', '{"ind":1,"country":"Mali"}', "junk")
    lake.ingest()
    tables = lake.cleaned(GEO), lake.quarantine(GEO)
    for commit in (lake.folder / "delta/batch/_checkpoints/geo/commits").iterdir():
        commit.unlink()
    again = lake.ingest()["geo"]
    assert (again.records, again.table_rows) == (3, 1)
    assert (lake.cleaned(GEO), lake.quarantine(GEO)) == tables


@pytest.mark.slow
def test_the_whole_job_without_objects_and_with_a_post(lake: Lake) -> None:
    """First without objects, which is no error, then with one post."""
    counts = lake.run()
    assert [c["objects"] for c in counts["entities"].values()] == [0, 0, 0]
    assert counts["results"] == {result.name: 0 for result in RESULTS}
    for entity in ENTITIES:
        assert lake.cleaned(entity) == {}
    lake.put(PIN, 0, '{"index":1,"category":"art","poster_name":"p","follower_count":"2k"}')
    lake.put(GEO, 0, '{"ind":1,"timestamp":"2018-01-01T00:00:00","country":"Chad"}')
    lake.put(USER, 0, '{"ind":1,"first_name":"A","age":20,"date_joined":"2016-01-01 00:00:00"}')
    counts = lake.run()
    assert counts["results"] == {result.name: 1 for result in RESULTS}
    found = {r.name: lake.table(names.result_table(ID, r.name)) for r in RESULTS}
    assert {name: tuple(rows[0].items()) for name, rows in found.items()} == {
        "4": (("country", "Chad"), ("category", "art"), ("category_count", 1)),
        "5": (("post_year", 2018), ("category", "art"), ("category_count", 1)),
        "6a": (("country", "Chad"), ("poster_name", "p"), ("follower_count", 2000)),
        "6b": (("country", "Chad"), ("follower_count", 2000)),
        "7": (("age_group", "18-24"), ("category", "art"), ("category_count", 1)),
        "8": (("age_group", "18-24"), ("median_follower_count", 2000.0)),
        "9": (("post_year", 2016), ("number_users_joined", 1)),
        "10": (("post_year", 2016), ("median_follower_count", 2000.0)),
        "11": (("age_group", "18-24"), ("post_year", 2016), ("median_follower_count", 2000.0)),
    }
    # No table feature is on that a Delta reader might lack.
    tables = sorted(Path(lake.root).glob(f"{ID}_*"))
    assert len(tables) == 2 * len(ENTITIES) + len(RESULTS)
    assert {folder.name for folder in tables} == set(batch_tables(ID))  # those maintained
    for folder in tables:
        first = (folder / "_delta_log/00000000000000000000.json").read_text()
        (protocol,) = (json.loads(x)["protocol"] for x in first.splitlines() if "protocol" in x)
        assert protocol == {"minReaderVersion": 1, "minWriterVersion": 2}, folder.name


def test_a_root_without_a_storage_is_one_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DELTA_ROOT", "ftp://host/delta")
    assert run_batch.main([]) == 1
    output = lake.capture.readouterr()
    assert output.err == (
        "run_batch: DELTA_ROOT is 'ftp://host/delta/batch':"
        " it must be an s3:// URI or a local folder\n"
    )
    assert output.out == ""


def test_a_run_waits_for_another_run_on_the_same_folder(lake: Lake) -> None:
    with writer_lock(lake.root, "us-east-1", wait=0):
        assert run_batch.main(["--wait", "0"]) == 1
    assert "another run writes the tables" in lake.capture.readouterr().err
    with writer_lock(lake.root, "us-east-1", wait=0):
        pass


def test_a_missing_s3_fails_with_one_line(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DELTA_ROOT")
    for name, value in (
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:25099"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ):
        monkeypatch.setenv(name, value)
    assert run_batch.main([]) == 1
    error = lake.capture.readouterr().err
    assert error.startswith("run_batch: S3 at http://127.0.0.1:25099 does not answer: ")
    assert error.count("\n") == 1

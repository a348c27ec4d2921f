"""The quality gate passes the emulator's posts, and names the failed checks for each bad state."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from delta.tables import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from emulator.dataset.generate import Block
from emulator.draw import original
from spark.jobs import check_quality
from spark.pipeline.quality import thresholds
from tests.support.data import lines
from tests.support.lake import ID, Lake

STORED = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""When the first object was stored; the others follow at five minutes each."""
UNTIL = datetime(2026, 11, 25, tzinfo=UTC)
PER_OBJECT = 50
JUNK: dict[Entity, tuple[str, ...]] = {PIN: (), GEO: ("junk",), USER: ()}


def date(lake: Lake, entity: Entity, first: datetime = STORED) -> None:
    """Set the times of an entity's objects."""
    for number, path in enumerate(objects(lake, entity)):
        moment = (first + number * timedelta(minutes=5)).timestamp()
        os.utime(path, (moment, moment))


def objects(lake: Lake, entity: Entity) -> list[Path]:
    """The objects of an entity, oldest first."""
    return sorted(Path(lake.topics, names.topic(ID, entity)).rglob("*.json"))


@pytest.fixture(scope="module")
def drawn(spark: SparkSession, block: Block, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with the emulator's first 500 posts, duplicates and a bad record, after a batch."""
    folder = tmp_path_factory.mktemp("drawn") / "a lake"
    lake = Lake(spark, folder, None)  # type: ignore[arg-type]
    keys = [draw.key for draw in islice(original(), 500)]
    assert len(set(keys)) < len(keys)
    for entity in ENTITIES:
        sent = [*lines(entity, (block.rows(entity)[key] for key in keys))]
        lake.put(entity, 0, *sent, *JUNK[entity], per_object=PER_OBJECT)
        date(lake, entity)
    lake.ingest()
    return folder


@pytest.fixture
def lake(lake: Lake, drawn: Path) -> Lake:
    """A copy that a test may change."""
    shutil.copytree(drawn, lake.folder)
    return lake


def gate(
    lake: Lake, *arguments: str, until: datetime = UNTIL
) -> tuple[int | str, dict[tuple[str, str, str], dict[str, Any]]]:
    """Run the gate; return the result of ``main``, and the checks by name."""
    end = check_quality.main(
        ["--objects", lake.topics, "--until", until.isoformat(), "--json", *arguments]
    )
    document = json.loads(lake.capture.readouterr().out)
    assert document["ok"] == (end == 0)
    return end, {(c["check"], c["entity"], c["column"]): c for c in document["checks"]}


@pytest.mark.slow
def test_the_posts_of_the_emulator_pass(lake: Lake, block: Block) -> None:
    end, checks = gate(lake)
    assert end == 0
    keys = len({draw.key for draw in islice(original(), 500)})
    for entity in ENTITIES:
        assert checks["row_counts", entity.name, "ind"]["detail"] == (
            f"{keys} in the objects, {keys} in the cleaned table: 0 missing, 0 that no object has"
        )
        bad = len(JUNK[entity])
        detail = checks["quarantine_share", entity.name, ""]["detail"]
        assert detail == f"{bad} of {500 + bad} records"
        assert 11 < checks["freshness", entity.name, ""]["value"] < 12
    assert {name[0] for name in checks} == {t.name.partition(".")[0] for t in thresholds.THRESHOLDS}

    # All posts of the source, with a good margin.
    for entity in ENTITIES:
        lake.put(entity, 600, *lines(entity, block.rows(entity)))
    lake.ingest()
    end, checks = gate(lake)
    assert end == 0
    assert checks["row_counts", "pin", "ind"]["detail"].startswith("11154 in the objects, 11154 in")
    assert [c for c in checks.values() if c["value"] > c["threshold"] / 2] == []


@pytest.mark.slow
def test_objects_and_rows_of_an_unfinished_batch_do_not_fail(lake: Lake) -> None:
    """The sink may store objects, and the next batch may run, while the gate checks."""
    later = datetime.now(UTC) + timedelta(hours=1)
    wait = ("--thresholds", '{"freshness": 1000000}')
    lake.put(USER, 600, '{"ind":12000}', '{"ind":12001}', "junk")
    assert gate(lake, *wait, until=later)[0] == 0

    checkpoint = Path(lake.root, "_checkpoints/user")
    path = objects(lake, USER)[-1]
    uri = f"file://{path}".replace(" ", "%20")
    entry = {"path": uri, "timestamp": int(path.stat().st_mtime * 1000), "batchId": 1}
    (checkpoint / "sources/0/1").write_text(f"v1\n{json.dumps(entry)}")
    append(lake, USER, "ind = 7528", ind="12000")
    assert gate(lake, *wait, until=later)[0] == 0

    (checkpoint / "commits/1").write_text("v1\n{}")
    end, _ = gate(lake, *wait, until=later)
    assert "1 missing, 0 that no object has); row_counts of user.object is 1" in str(end)


@dataclass(frozen=True)
class Poison:
    """Bad states, the checks that must fail, and parts of the message."""

    title: str
    put: tuple[Callable[[Lake], None], ...]
    failed: set[tuple[str, str, str]]
    messages: tuple[str, ...]
    until: datetime = UNTIL


def dirty(lake: Lake) -> None:
    """Unreadable records, and good ones without a category: a missing field is null."""
    lake.put(GEO, 600, *["junk"] * 20)
    lake.put(PIN, 600, *(json.dumps({"index": key, "title": "t"}) for key in range(12000, 12010)))
    lake.ingest()


def removed(lake: Lake) -> None:
    """An object that was removed after the batch."""
    objects(lake, USER)[-1].unlink()


def all_removed(lake: Lake) -> None:
    """All objects of an entity."""
    shutil.rmtree(Path(lake.topics, names.topic(ID, USER)))


def passed_over(lake: Lake) -> None:
    """An object that no batch has read, older than those that were read."""
    lake.put(USER, 600, *['{"ind":12000}', '{"ind":12001}', "junk"])
    date(lake, USER, STORED - timedelta(hours=1))


def row_lost(lake: Lake) -> None:
    """A row that somebody deleted."""
    DeltaTable.forPath(lake.spark, f"{lake.root}/{names.table(ID, GEO)}").delete("ind = 7528")


def quarantine_lost(lake: Lake) -> None:
    """A quarantined record whose row is gone."""
    name = names.quarantine_table(ID, GEO)
    DeltaTable.forPath(lake.spark, f"{lake.root}/{name}").delete()


def append(lake: Lake, entity: Entity, where: str, **changed: str) -> None:
    """Append copies of rows to a cleaned table, without the batch job."""
    uri = f"{lake.root}/{names.table(ID, entity)}"
    found = lake.spark.read.format("delta").load(uri).where(where)
    for name, value in changed.items():
        found = found.withColumn(name, F.lit(value).cast(found.schema[name].dataType))
    found.write.format("delta").mode("append").save(uri)


# Each run of the gate takes ten seconds, so bad states of different entities share one.
POISONS = (
    Poison(
        "dirty records, and an object removed",
        (dirty, removed),
        {("quarantine_share", "geo", ""), ("null_share", "pin", "is_image_or_video")}
        | {("null_share", "pin", name) for name in ("category", "save_location", "unique_id")}
        | {("row_counts", "user", "ind")},
        (
            "quarantine_share of geo is 0.0403071, threshold 0.01 (21 of 521 records)",
            "that no object has)",
        ),
    ),
    Poison(
        "all objects removed, a quarantined record lost, a row twice",
        (all_removed, quarantine_lost, lambda lake: append(lake, PIN, "ind = 7528")),
        {("row_counts", "user", "ind"), ("freshness", "user", "")}
        | {("row_counts", "geo", "object"), ("duplicate_keys", "pin", "ind")},
        (
            "freshness of user is unknown, threshold 24 (no object was read)",
            "row_counts of geo.object is 1, threshold 0"
            " (1 in the objects, 0 in the quarantine table",
            "duplicate_keys of pin.ind is 1, threshold 0 (",
        ),
    ),
    Poison(
        "an object passed over, a row lost",
        (passed_over, row_lost),
        {("row_counts", "user", "ind"), ("row_counts", "user", "object")}
        | {("row_counts", "geo", "ind")},
        (
            "1 in the objects, 0 in the quarantine table: 1 missing, 0 that no object has",
            "row_counts of geo.ind is 1, threshold 0 (",
        ),
    ),
    Poison(
        "stale objects",
        (),
        {("freshness", name, "") for name in ("pin", "geo", "user")},
        (
            "freshness of user is 30.25, threshold 24"
            " (hours from 2026-11-24T12:45:00Z to 2026-11-25T19:00:00Z)",
        ),
        UNTIL + timedelta(hours=19),
    ),
)


@pytest.mark.slow
@pytest.mark.parametrize("poison", POISONS, ids=lambda poison: poison.title)
def test_a_bad_state_fails_its_checks_by_name(lake: Lake, poison: Poison) -> None:
    for put in poison.put:
        put(lake)
    end, checks = gate(lake, until=poison.until)
    assert {name for name, check in checks.items() if not check["ok"]} == poison.failed
    assert isinstance(end, str)
    assert end.startswith(f"check_quality: {len(poison.failed)} of {len(checks)} checks failed: ")
    assert [text for text in poison.messages if text not in end] == []
    assert "\n" not in end


def test_a_threshold_may_be_given(lake: Lake) -> None:
    given = '{"null_share.pin.title": 0, "freshness": 1}'
    _, checks = gate(lake, "--thresholds", given)
    failed = {name for name, check in checks.items() if not check["ok"]}
    assert failed == {
        ("null_share", "pin", "title"),
        *(("freshness", e.name, "") for e in ENTITIES),
    }
    assert checks["freshness", "pin", ""]["threshold"] == 1


@pytest.mark.slow
def test_the_output_without_json_is_a_table(lake: Lake) -> None:
    assert check_quality.main(["--objects", lake.topics, "--until", "2026-11-25"]) == 0
    head, *lines = lake.capture.readouterr().out.splitlines()
    assert head.split() == ["check", "entity", "column", "value", "threshold", "ok", "detail"]
    assert lines[0].split()[:6] == ["row_counts", "pin", "ind", "0", "0", "ok"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"quarantine": 0.1}', "there is no threshold 'quarantine'; there are duplicate_keys, "),
        ('{"quarantine_share": "a lot"}', 'quarantine_share is "a lot", not a share from 0 to 1'),
        ('{"quarantine_share": 5}', "quarantine_share is 5, not a share from 0 to 1"),
        ('{"duplicate_keys": -1}', "duplicate_keys is -1, not a number of keys"),
        ('{"freshness": true}', "freshness is true, not a number of hours"),
        ('{"freshness": NaN}', "freshness is NaN, not a number of hours"),
        ('{"freshness": Infinity}', "freshness is Infinity, not a number of hours"),
        ("[]", "the thresholds '[]' are no JSON object"),
        ("{", "the thresholds '{' are not JSON: "),
    ],
)
def test_a_wrong_threshold_is_refused_by_name(text: str, says: str) -> None:
    end = check_quality.main(["--thresholds", text])
    assert isinstance(end, str)
    assert end.startswith("check_quality: ")
    assert says in end


def test_a_wrong_time_is_refused() -> None:
    assert check_quality.main(["--until", "soon"]) == (
        "check_quality: --until is 'soon', not a date and time in ISO 8601"
    )


def test_missing_tables_fail_with_one_line(lake: Lake) -> None:
    uri = f"{lake.root}/{names.quarantine_table(ID, GEO)}"
    shutil.rmtree(uri)
    assert check_quality.main(["--objects", lake.topics]) == (
        f"check_quality: there is no table {uri}: the batch job has never run"
    )


def test_the_form_of_the_dag_offers_every_threshold() -> None:
    text = Path(__file__).parents[2].joinpath("airflow/dags/batch_pipeline.py").read_text()
    offered = re.findall(r'"(\w+)": Param\(', text)
    assert set(offered) == {threshold.name.split(".")[0] for threshold in thresholds.THRESHOLDS}

"""Posts through both pipelines, compared by content from the source to the Delta tables."""

import json
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

import pytest

from contract import names
from contract.entities import ENTITIES, Entity
from contract.results import RESULTS
from emulator.draw import original
from hops import kafka, kinesis, objects, tables
from hops.tables import Pipeline, Table
from tests.support import source
from tests.support.e2e.target import Target
from tests.support.e2e.workspace import Workspace
from tests.support.example_row import CLEANED, KEY, SENT, SIZES
from tests.support.oracle import Oracle, plain

POSTS = 20
"""Posts that are sent after the first one, which is among them, since the emulator restarts."""
PROGRAMS = ("user_posting_emulation", "user_posting_emulation_streaming")
PIPELINES: tuple[Pipeline, ...] = get_args(Pipeline)


@dataclass(frozen=True)
class Lake:
    """The tables that Spark has written."""

    target: Target
    keys: frozenset[int]
    """Keys of the posts."""

    def table(self, name: str, pipeline: Pipeline) -> Table:
        found = tables.read(self.target.access, name, pipeline=pipeline)
        assert found is not None, f"there is no table {tables.uri_of(self.target.access, name)}"
        return found

    def rows(self, entity: Entity, pipeline: Pipeline) -> dict[int, dict[str, Any]]:
        """Rows of the cleaned table by key, exactly one for each."""
        found = self.table(names.table(self.target.user_id, entity), pipeline).rows
        rows = {row["ind"]: row for row in found}
        assert len(rows) == len(found)
        return rows


def stored(target: Target, entity: Entity) -> Counter[int]:
    """Keys of the records in the objects of an entity."""
    found = objects.records_from(target.access, names.topic(target.user_id, entity), {})
    return Counter(json.loads(line)[entity.key] for line in found)


def wait_until_stored(target: Target, sent: Counter[int]) -> None:
    """Wait until S3 has each key as often as it was sent, for every entity."""
    for entity in ENTITIES:
        target.wait(
            f"{sent.total()} records of {names.topic(target.user_id, entity)} in S3",
            lambda entity=entity: stored(target, entity) == sent,
            60,
            lambda entity=entity: f"there are {dict(stored(target, entity))}",
        )


@pytest.fixture(scope="module")
def first(target: Target) -> dict[Entity, objects.StoredObject]:
    """The first post is sent: Kinesis has its rows, and S3 an object for each row."""
    for program in PROGRAMS:
        target.emulate(program, "--count", "1")
    wait_until_stored(target, Counter([KEY]))
    topics = {entity: names.topic(target.user_id, entity) for entity in ENTITIES}
    listed = {entity: objects.listing(target.access, topic) for entity, topic in topics.items()}
    return {entity: found[0] for entity, found in listed.items()}


@pytest.fixture(scope="module")
def lake(target: Target, first: dict[Entity, objects.StoredObject]) -> Lake:
    """All posts are in the tables; the first one was sent twice."""
    keys = [draw.key for draw in islice(original(), POSTS)]
    for program in PROGRAMS:
        target.emulate(program, "--count", str(POSTS), "--batch-size", "50")
    wait_until_stored(target, Counter([KEY, *keys]))
    workspace = Workspace(target)
    sink = f"s3://{target.access.settings.bucket}/{names.TOPICS_DIR}"
    workspace.run(
        workspace.task("batch", "run_batch", "--json", "--objects", sink),
        workspace.task("stream", "run_stream", "--once"),
        limit=240,
    )
    return Lake(target, frozenset(keys))


@pytest.fixture(scope="module")
def oracle(lake: Lake) -> Oracle:
    """The expected tables: those of DuckDB on the source database."""
    return source.oracle(lake.target.deployed.source_database_url, lake.keys)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_row_of_the_example_is_a_record_and_an_object(
    target: Target, first: dict[Entity, objects.StoredObject], entity: Entity
) -> None:
    topic, found = names.topic(target.user_id, entity), first[entity]
    partition = found.position.partition
    (record,) = kafka.read(target.access, topic, {partition: 0}, {partition: 1})
    assert json.loads(record.value or b"") == SENT[entity]
    assert found.key == names.object_key(topic, partition, 0)
    assert found.size == SIZES[entity]
    assert [json.loads(line) for line in objects.read(target.access, found).lines] == [SENT[entity]]


@pytest.mark.usefixtures("first")
@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_row_of_the_example_is_a_record_of_its_stream(target: Target, entity: Entity) -> None:
    record = next(kinesis.read(target.access, names.stream(target.user_id, entity)))
    assert json.loads(record.data) == SENT[entity]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_row_of_the_example_is_clean_in_the_tables(lake: Lake, pipeline: Pipeline) -> None:
    found = {entity: lake.rows(entity, pipeline)[KEY] for entity in ENTITIES}
    assert found == CLEANED


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_tables_are_those_of_the_source(lake: Lake, pipeline: Pipeline, oracle: Oracle) -> None:
    for entity in ENTITIES:
        found = lake.rows(entity, pipeline)
        assert found.keys() == lake.keys
        assert {key: plain(row) for key, row in found.items()} == oracle.cleaned(entity.name)


@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.name)
def test_the_results_are_those_of_the_source(lake: Lake, oracle: Oracle, result: Any) -> None:
    table = lake.table(names.result_table(lake.target.user_id, result.name), "batch")
    found = {tuple(row[column] for column in result.columns) for row in table.rows}
    assert found == oracle.result(result.name)


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)
def test_the_live_metrics_count_each_post_once(lake: Lake, entity: Entity) -> None:
    user_id = lake.target.user_id
    stream = names.stream(user_id, entity)
    rows = lake.table(names.live_table(user_id), "streaming").rows
    hour = {
        row["label"]: row["value"]
        for row in rows
        if (row["stream"], row["metric"], row["window"]) == (stream, "posts", "hour")
    }
    assert hour == {stream: len(lake.keys)}

"""A run of the DAG survives kills of its services; with bad data it fails and publishes nothing.

One run serves both: first the Jobs API and the scheduler are killed during the run, then its
objects and tables are corrupted and the gate runs again.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from deltalake import DeltaTable, write_deltalake

from contract import names
from contract.entities import ENTITIES, GEO, PIN, USER, Entity
from hops import databricks
from hops.access import Access
from services.databricks.engine import process
from tests.conftest import Stack
from tests.support import pipelines, source
from tests.support.airflow import Airflow
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.long, pytest.mark.once, pytest.mark.timeout(1500)]

LIMIT = 400
"""Seconds that a run, or an attempt of it, may still take."""
ASIDE = "aside/"
"""Prefix to which objects are moved temporarily."""


@dataclass(frozen=True)
class Survived:
    """The run that has survived the kills."""

    keys: set[int]
    """Keys of the posts that were sent before it."""
    id: str
    state: dict[str, Any]
    submitted: list[tuple[str, str]]
    """State and result of each run of the batch job that Airflow has submitted, in order."""


@pytest.fixture(scope="module")
def survived(stack: Stack, access: Access, airflow: Airflow) -> Survived:
    """A run: the Jobs API was killed in its first attempt; scheduler and cluster in its second."""
    token = databricks.token(stack.engine)
    jobs = WorkspaceClient(host=stack.settings.databricks_host, token=token).jobs
    keys = pipelines.send(stack, access, 0, 20)
    airflow.unpause()
    run_id = airflow.trigger()

    def submitted() -> list[int]:
        mine = [run for run in jobs.list_runs() if run.run_name.endswith(f"run_batch {run_id}")]
        return sorted(run.run_id for run in mine)

    def works(number: int) -> bool:
        """Return whether so many runs were submitted, and the task of the last one has started."""
        ids = submitted()
        if len(ids) < number:
            return False
        (task,) = jobs.get_run(ids[-1]).tasks or []
        return bool(task.start_time) and airflow.tasks(run_id)["run_batch"] == "deferred"

    def seen() -> str:
        return f"{airflow.tasks(run_id)}, submitted {submitted()}"

    wait_for("the first attempt to work", lambda: works(1), LIMIT, state=seen)
    stack.kill("databricks")
    stack.start("databricks")
    wait_for("the second attempt to work", lambda: works(2), LIMIT, state=seen)
    stack.kill("airflow-scheduler")
    stack.start("airflow-scheduler")
    data = Path(stack.variables["RUN_DIR"]) / "data/jobs_api/clusters"
    jvms = [one for one in process.of(data) if "java" in one.name()]
    assert jvms
    for jvm in jvms:
        jvm.kill()
    state = airflow.ended(run_id, LIMIT)
    states = [jobs.get_run(number).state for number in submitted()]
    ended = [(state.life_cycle_state.value, state.result_state.value) for state in states]
    return Survived(keys, run_id, state, ended)


def test_a_run_survives_kills_of_the_jobs_api_the_scheduler_and_the_cluster(
    stack: Stack, access: Access, airflow: Airflow, survived: Survived
) -> None:
    assert survived.state["state"] == "success", airflow.failures(survived.id)
    assert survived.submitted == [
        ("INTERNAL_ERROR", "FAILED"),
        ("TERMINATED", "FAILED"),
        ("TERMINATED", "SUCCESS"),
    ]
    assert len(airflow.published(survived.id)) == 1
    keys = {entity: set(pipelines.stored(access, entity)) for entity in ENTITIES}
    assert survived.keys <= keys[PIN] == keys[GEO] == keys[USER]
    right = source.oracle(stack.settings.source_database_url, keys[PIN])
    pipelines.check(access, right)


def move(access: Access, old: str, new: str) -> None:
    """Move every object below a prefix to another one; the sink's other objects stay."""
    bucket = access.settings.bucket
    for item in access.s3.list_objects_v2(Bucket=bucket, Prefix=old).get("Contents", ()):
        key = new + item["Key"].removeprefix(old)
        access.s3.copy_object(
            Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": item["Key"]}
        )
        access.s3.delete_object(Bucket=bucket, Key=item["Key"])


def objects_away(access: Access) -> None:
    move(access, users(access), ASIDE)


def objects_back(access: Access) -> None:
    move(access, ASIDE, users(access))


def users(access: Access) -> str:
    return names.topic_prefix(names.topic(access.settings.user_id, USER))


def far(access: Access, entity: Entity) -> str:
    """Return the key of an object beyond the sink's offsets."""
    return names.object_key(names.topic(access.settings.user_id, entity), 0, 900_000)


def put(access: Access, entity: Entity, lines: list[str]) -> None:
    """Store an object as the sink would."""
    key = far(access, entity)
    body = "".join(f"{line}\n" for line in lines).encode()
    access.s3.put_object(Bucket=access.settings.bucket, Key=key, Body=body)


def pins(access: Access) -> DeltaTable:
    """The cleaned pins."""
    uri = f"{access.settings.batch_root}/{names.table(access.settings.user_id, PIN)}"
    return DeltaTable(uri, storage_options=access.delta_storage_options)


def a_row_twice(access: Access) -> None:
    table = pins(access)
    write_deltalake(table, table.to_pyarrow_table().slice(0, 1), mode="append")


def heal_the_row(access: Access) -> None:
    table = pins(access)
    table.restore(table.version() - 1)


def dirty_objects(access: Access) -> None:
    put(access, GEO, ["junk"] * 20)
    # Good records with missing fields, which become nulls.
    put(access, PIN, [json.dumps({"index": key}) for key in range(90_000, 90_010)])


def clean_objects(access: Access) -> None:
    """Remove them before the sink takes them for its own and continues after them."""
    for entity in (GEO, PIN):
        access.s3.delete_object(Bucket=access.settings.bucket, Key=far(access, entity))


@dataclass(frozen=True)
class Poison:
    """A bad state, the task from which the run is repeated, and parts of the gate's message."""

    put: Callable[[Access], object]
    again: str
    messages: tuple[str, ...]
    heal: Callable[[Access], object]


POISONS = (
    Poison(a_row_twice, "check_quality", ("duplicate_keys of pin.ind is 1",), heal_the_row),
    Poison(
        dirty_objects,
        "run_batch",
        ("quarantine_share of geo is", "null_share of pin.category is"),
        clean_objects,
    ),
    Poison(
        objects_away,
        "check_quality",
        ("row_counts of user.ind is", "freshness of user is unknown"),
        objects_back,
    ),
)


def test_each_check_fails_and_nothing_is_published(
    access: Access, airflow: Airflow, survived: Survived
) -> None:
    published = airflow.published(survived.id)
    for poison in POISONS:
        poison.put(access)
        try:
            airflow.again(survived.id, poison.again)
            assert airflow.ended(survived.id, LIMIT)["state"] == "failed"
        finally:
            poison.heal(access)
        tasks = airflow.tasks(survived.id)
        assert (tasks["check_quality"], tasks["publish"]) == ("failed", "upstream_failed")
        failures = airflow.failures(survived.id)
        assert [text for text in poison.messages if text not in failures] == [], failures
        assert airflow.published(survived.id) == published

"""Poisoned objects and tables: the gate is red, names the check, and nothing is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable, write_deltalake

from contract import names
from contract.entities import GEO, PIN, USER, Entity
from stack.hops.access import Access
from stack.hops.airflow import Airflow
from tests.drills import road

if TYPE_CHECKING:
    from tests.conftest import Stack

ASIDE = "aside/"

pytestmark = [pytest.mark.once, pytest.mark.timeout(900)]

LIMIT = 300
"""Seconds that a run may take."""


def move(access: Access, old: str, new: str) -> None:
    """Give every object below a prefix another; what the sink wrote beside its records stays."""
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
    """Key of an object that the sink hasn't come to."""
    return names.object_key(names.topic(access.settings.user_id, entity), 0, 900_000)


def put(access: Access, entity: Entity, lines: list[str]) -> None:
    """Store an object as the sink would."""
    key = far(access, entity)
    body = "".join(f"{line}\n" for line in lines).encode()
    access.s3.put_object(Bucket=access.settings.bucket, Key=key, Body=body)


def a_row_twice(access: Access) -> None:
    uri = f"{access.settings.batch_root}/{names.table(access.settings.user_id, PIN)}"
    table = DeltaTable(uri, storage_options=access.delta_storage_options)
    row = table.to_pyarrow_table().slice(0, 1)
    write_deltalake(uri, row, mode="append", storage_options=access.delta_storage_options)


def heal_the_row(access: Access) -> None:
    uri = f"{access.settings.batch_root}/{names.table(access.settings.user_id, PIN)}"
    table = DeltaTable(uri, storage_options=access.delta_storage_options)
    table.restore(table.version() - 1)


def dirty_objects(access: Access) -> None:
    put(access, GEO, ["junk"] * 20)
    # Good, but for what they lack: a missing field is null.
    put(access, PIN, [json.dumps({"index": key}) for key in range(90_000, 90_010)])


def clean_objects(access: Access) -> None:
    """Before the sink takes them for its own, and goes on behind them."""
    for entity in (GEO, PIN):
        access.s3.delete_object(Bucket=access.settings.bucket, Key=far(access, entity))


@dataclass(frozen=True)
class Poison:
    """Something wrong, from which task on a run does its work again, and what the gate says."""

    put: Callable[[Access], object]
    again: str
    says: tuple[str, ...]
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


def test_each_check_goes_red_and_nothing_is_published(stack: Stack) -> None:
    access = Access(stack.environment)
    airflow = Airflow.of(stack.engine, access)
    road.send(stack, access, 0, 20)
    airflow.unpause()
    run_id = airflow.trigger()
    assert airflow.ended(run_id, LIMIT)["state"] == "success", airflow.failures(run_id)
    published = airflow.published(run_id)
    assert len(published) == 1

    for poison in POISONS:
        poison.put(access)
        try:
            airflow.again(run_id, poison.again)
            assert airflow.ended(run_id, LIMIT)["state"] == "failed"
        finally:
            poison.heal(access)
        tasks = airflow.tasks(run_id)
        assert (tasks["check_quality"], tasks["publish"]) == ("failed", "upstream_failed")
        said = airflow.failures(run_id)
        assert [text for text in poison.says if text not in said] == [], said
        assert airflow.published(run_id) == published

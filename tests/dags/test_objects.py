"""The task that waits for objects, with real objects in S3."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.amazon.aws.triggers.s3 import S3KeyTrigger
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from botocore.exceptions import ClientError
from context import context, scheduled, triggered
from deferral import complete, defer, event, rendered, restored_trigger

from pinterest.interval import LATENESS

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TOPICS = [f"topics/0a1b2c3d4e5f.{name}/" for name in ("pin", "geo", "user")]


@pytest.fixture
def bucket(s3: Any) -> str:
    """A bucket of the test's own."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def put(s3: Any, bucket: str) -> Callable[..., str]:
    """A function that stores an object as the sink does, and returns its key."""

    def put(prefix: str, offset: int = 0, partition: int = 0) -> str:
        topic = prefix.split("/")[1]
        key = f"{prefix}partition={partition}/{topic}+{partition}+{offset:010d}.json"
        s3.put_object(Bucket=bucket, Key=key, Body=b"{}\n")
        return key

    return put


@pytest.fixture
def waiting(dag: Any, bucket: str) -> Callable[..., Any]:
    """A function that returns the DAG's task for a run on the test's bucket, with its context."""

    def waiting(run: Any) -> Any:
        found = context(dag.get_task("wait_for_objects"), run)
        task = rendered(found["task"], found)
        task.bucket, task.interval = bucket, 0.1
        return task, found

    return waiting


@pytest.mark.parametrize(
    "run_at",
    [
        pytest.param(lambda now: triggered(now + HOUR), id="triggered"),
        pytest.param(lambda now: scheduled(now - HOUR), id="of a day"),
        pytest.param(lambda now: scheduled(now - DAY - LATENESS / 2), id="late, but of the day"),
    ],
)
def test_a_run_finds_the_objects_of_its_interval(
    waiting: Any, put: Any, run_at: Callable[[datetime], Any]
) -> None:
    """The first check finds them, so the task does not defer."""
    for partition, prefix in enumerate(TOPICS):
        put(prefix, partition=partition)
    task, found = waiting(run_at(datetime.now(UTC)))
    task.execute(found)


@pytest.mark.parametrize("past", [DAY + LATENESS + HOUR, 3 * DAY])
def test_a_day_before_the_first_object_is_skipped(waiting: Any, put: Any, past: timedelta) -> None:
    for prefix in TOPICS:
        put(prefix)
    task, found = waiting(scheduled(datetime.now(UTC) - past, "backfill"))
    with pytest.raises(AirflowSkipException):
        task.execute(found)


def test_a_day_without_objects_fails_when_earlier_days_have_some(
    waiting: Any, put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day is in the future, and the clock is two days ahead."""
    for prefix in TOPICS:
        put(prefix)
    task, found = waiting(scheduled(datetime.now(UTC) + HOUR))

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + 2 * DAY

    monkeypatch.setattr("pinterest.objects_trigger.datetime", Ahead)
    with pytest.raises(AirflowFailException, match=r"No object was stored below .*pin/, .*user/"):
        task.execute(found)


def test_the_topic_without_an_object_is_named(waiting: Any, put: Any, bucket: str) -> None:
    put(TOPICS[0])
    put(TOPICS[2])
    task, found = waiting(scheduled(datetime.now(UTC) - HOUR))
    deferred = defer(task, found)
    trigger = restored_trigger(deferred)
    trigger.until = datetime.now(UTC).isoformat()
    fired = asyncio.run(event(trigger))
    with pytest.raises(AirflowFailException, match=f"below s3://{bucket}/{TOPICS[1]} from"):
        task.execute_complete(found, fired)


def test_the_task_waits_for_the_last_topic(waiting: Any, put: Any) -> None:
    for prefix in TOPICS[:2]:
        put(prefix)
    task, found = waiting(triggered(datetime.now(UTC) + HOUR))
    deferred = defer(task, found)
    put(TOPICS[2])
    complete(task, found, deferred)


def test_an_object_is_listed_once(waiting: Any, put: Any) -> None:
    """Each check, also that of the worker, starts after the last key of the previous one."""
    for partition in (0, 1):
        for offset in range(3):
            put(TOPICS[0], offset, partition)
    task, found = waiting(triggered(datetime.now(UTC) + 3 * DAY))
    trigger = restored_trigger(defer(task, found))
    assert len(trigger.seen["newest"]) == 2
    listed = []
    client = trigger.client()
    client.meta.events.register(
        "after-call.s3.ListObjectsV2",
        lambda parsed, **_: listed.extend(item["Key"] for item in parsed.get("Contents", ())),
    )
    assert trigger.check(client) is None
    assert listed == []
    key = put(TOPICS[0], 3, 1)
    assert trigger.check(client) is None
    assert listed == [key]


def test_an_error_of_s3_fails_the_trigger(waiting: Any) -> None:
    task, found = waiting(triggered(datetime.now(UTC)))
    task.bucket = "no-such-bucket"
    with pytest.raises(ClientError, match="NoSuchBucket"):
        task.execute(found)


def test_the_providers_own_trigger_misses_objects_in_partitions(bucket: str, put: Any) -> None:
    """The reason for the project's own trigger; when this test fails, use S3KeySensor instead."""
    put(TOPICS[0])
    trigger = S3KeyTrigger(
        bucket_name=bucket,
        bucket_key=f"{TOPICS[0]}*",
        wildcard_match=True,
        should_check_fn=True,
        metadata_keys=["LastModified"],
        poke_interval=0.1,
    )
    assert asyncio.run(event(trigger)) == {"status": "running", "files": []}

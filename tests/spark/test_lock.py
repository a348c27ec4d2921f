"""The lock in a bucket of the real LocalStack: damaged, replaced, and without a renewal."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from contract import names
from spark.pipeline.delta import lock
from spark.pipeline.delta.lock import writer_lock
from spark.pipeline.errors import LockError
from tests.support.localstack import USER_ID, LocalStack
from tests.support.waiting import wait_for

BUCKET, KEY = names.bucket(USER_ID), "tables/_lock"
ROOT = f"s3://{BUCKET}/tables"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with LocalStack(tmp_path_factory.mktemp("local stack"), "http://127.0.0.1:1") as started:
        yield started


@pytest.fixture
def s3(localstack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client; the lock has short times."""
    for name, value in localstack.access.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(lock, "LEASE", 4.0)
    monkeypatch.setattr(lock, "RENEWAL", 0.2)
    client = localstack.client("s3")
    yield client
    client.delete_object(Bucket=BUCKET, Key=KEY)
    client.close()


@pytest.mark.parametrize(
    "content", [b"", b"\xff{", b'{"run": 1}', b"[" * 50_000], ids=["", "bytes", "number", "deep"]
)
def test_a_damaged_lock_is_held_for_its_lease_and_then_taken_over(
    s3: Any, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=content)
    with (
        pytest.raises(LockError, match="another run still writes"),
        writer_lock(ROOT, "us-east-1", 0),
    ):
        pass
    begun = time.monotonic()
    with writer_lock(ROOT, "us-east-1", wait=30) as check_lock:
        assert time.monotonic() - begun > lock.LEASE - 2  # S3's times are whole seconds
        check_lock()
        assert json.loads(s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read())["run"]
    waited, taken = capsys.readouterr().err.splitlines()[-2:]
    assert waited == "waiting for another run, which writes the tables"
    assert taken.startswith(f"{ROOT}/_lock cannot be read and was not renewed for ")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key=KEY)


@pytest.mark.parametrize("content", [b"not a lock", b'{"run": "r", "host": "h", "pid": 1}'])
def test_a_replaced_lock_stops_the_work_and_stays(s3: Any, content: bytes) -> None:
    with writer_lock(ROOT, "us-east-1", wait=0) as check_lock:
        s3.put_object(Bucket=BUCKET, Key=KEY, Body=content)
        error = wait_for("the end of the work", lambda: _failure(check_lock))
        assert error.startswith(f"{ROOT}/_lock: the lock was replaced; ")
    assert s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == content


def test_a_renewal_that_fails_stops_the_work_by_name(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, **_: object) -> bytes:
        raise RuntimeError("no luck")

    with writer_lock(ROOT, "us-east-1", wait=0) as check_lock:
        monkeypatch.setattr(lock.LockOwner, "write", broken)
        error = wait_for("the end of the work", lambda: _failure(check_lock))
        assert "the renewal failed: RuntimeError: no luck; " in error


def _failure(check_lock: lock.LockCheck) -> str:
    try:
        check_lock()
    except LockError as error:
        return str(error)
    return ""

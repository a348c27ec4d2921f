"""Hop 7: one writer at a time, by a lock in the folder of the tables.

A second run waits until the first has ended. In a bucket the lock is an object, made with a
conditional PUT and renewed every few seconds. A waiting run takes the lock over, by a conditional
PUT again, if it was not renewed for ``LEASE`` seconds by the waiting run's own clock, as after a
killed container, or at once if its process has certainly ended. A lock that cannot be read counts
as held until S3 has stored it for that long. In a local folder the lock is one of the system
(``flock``), which ends with its process.

The lock separates runs. If a run is suspended and wakes up after another has taken its lock, the
log store keeps the tables right (docs/decisions/0005-batch-pipeline.md).
"""

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from spark.pipeline.delta.lock_owner import LockOwner
from spark.pipeline.errors import JobError, LockError, StorageError, first_line

NAME = "_lock"
LEASE = 30.0
"""Seconds without a renewal after which a lock counts as abandoned."""
RENEWAL = 5.0
"""Seconds between two renewals."""
REFUSED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
"""S3's error codes for a PUT whose condition is not met."""
POLL_INTERVAL = 0.5
"""Seconds between two attempts to get a lock that another run holds."""
LONGEST = 1 << 16
"""Bytes of a lock that are read at most."""

LockCheck = Callable[[], None]
"""Called before each commit; raises LockError when the lock is no longer this run's."""


@contextmanager
def writer_lock(root: str, region: str, wait: float) -> Iterator[LockCheck]:
    """Hold the lock of the tables below ``root``, an ``s3://`` URI or a local folder.

    Args:
        root: URI below which the tables are.
        region: AWS region of the bucket.
        wait: seconds to wait for another run.

    Raises:
        StorageError: S3 does not respond, or the bucket does not exist.
        LockError: another run holds the lock for longer than ``wait``.
        JobError: ``root`` is neither in S3 nor a local folder.
    """
    parts = urlsplit(root)
    if parts.scheme == "s3":
        lock = _ObjectLock(parts.netloc, f"{parts.path.strip('/')}/{NAME}", region)
        lock.acquire(wait)
        try:
            yield lock.check
        finally:
            lock.release()
    elif parts.scheme in ("", "file"):
        with _folder_lock(Path(parts.path), wait):
            yield lambda: None
    else:
        raise JobError(f"DELTA_ROOT is {root!r}: it must be an s3:// URI or a local folder")


@contextmanager
def _folder_lock(folder: Path, wait: float) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    with (folder / NAME).open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise LockError(f"another run writes the tables in {folder}") from error
                time.sleep(POLL_INTERVAL)
        yield


class _ObjectLock:
    def __init__(self, bucket: str, key: str, region: str) -> None:
        config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 2})
        self._s3: Any = boto3.client("s3", region_name=region, config=config)
        self._where = {"Bucket": bucket, "Key": key}
        self._owner = LockOwner.of(os.getpid())
        self._etag = ""
        self._renewed = 0.0
        self._lost = ""
        """Why the lock is no longer this run's, or may not be."""
        self._end = threading.Event()
        self._renewal = threading.Thread(target=self._renew, name="lock", daemon=True)

    def acquire(self, wait: float) -> None:
        """Wait for the lock and start to renew it."""
        start = time.monotonic()
        seen, since, reported = "", start, False
        while not self._put(IfNoneMatch="*"):
            etag, owner, age = self._get()
            now = time.monotonic()
            if etag != seen:
                seen, since = etag, now
            unchanged = now - since if owner.run else age
            abandoned = owner.has_gone() or unchanged > LEASE
            if etag and abandoned and self._put(IfMatch=etag):
                if not owner.run:
                    text = "cannot be read and was not renewed"
                    sys.stderr.write(f"{self._name} {text} for {age:.0f} s: taken over\n")
                break
            if now - start > wait:
                raise LockError(f"{self._name}: {owner} still writes the tables")
            if not reported:
                sys.stderr.write(f"waiting for {owner}, which writes the tables\n")
                reported = True
            time.sleep(POLL_INTERVAL)
        self._renewal.start()

    def check(self) -> None:
        """Raise LockError unless the lock is still this run's."""
        lost = self._lost
        if not lost and time.monotonic() - self._renewed > LEASE:
            lost = f"it was not renewed for {LEASE:.0f} s"
        if lost:
            raise LockError(f"{self._name}: {lost}; another run may write the tables: start again")

    def release(self) -> None:
        """Stop renewing and remove the lock."""
        self._end.set()
        self._renewal.join()
        try:
            if self._get()[1].run == self._owner.run:
                self._s3.delete_object(**self._where)
        except StorageError as error:
            # The work is done, and the next run takes the lock over.
            sys.stderr.write(f"the lock stays behind: {error}\n")

    @property
    def _name(self) -> str:
        return f"s3://{self._where['Bucket']}/{self._where['Key']}"

    def _renew(self) -> None:
        while not self._end.wait(RENEWAL):
            try:
                if not self._put(IfMatch=self._etag):
                    self._lost = "the lock was replaced"
                    return
            except StorageError:
                continue  # check() notices when this goes on for too long
            except Exception as error:
                self._lost = f"the renewal failed: {first_line(error)}"
                return

    def _put(self, **condition: str) -> bool:
        """Write the lock under a condition; return whether this run owns it now."""
        # The time changes the object at every renewal, so that a waiting run notices it.
        body = self._owner.write(renewed=time.time_ns())
        sent_at = time.monotonic()  # the response may come long after S3 has stored the lock
        answer = self._call("put_object", REFUSED, Body=body, **condition)
        if answer is not None:
            self._etag = answer["ETag"]
        else:
            # S3 may have refused because the response to the first attempt was lost.
            etag, owner, _ = self._get()
            if owner.run != self._owner.run:
                return False
            self._etag = etag
        self._renewed = sent_at
        return True

    def _get(self) -> tuple[str, LockOwner, float]:
        """Return the lock's ETag, owner and age in seconds by S3's clock.

        ETag and owner are empty if there is no lock, the owner if it cannot be read.
        """
        answer = self._call("get_object", ("NoSuchKey",))
        if answer is None:
            return "", LockOwner(), 0.0
        now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
        age = (now - answer["LastModified"]).total_seconds()
        return answer["ETag"], LockOwner.read(answer["Body"]), age

    def _call(self, method: str, expected_errors: tuple[str, ...], **arguments: Any) -> Any:
        """Call S3; return None if it responds with one of ``expected_errors``."""
        where = f"S3 at {self._s3.meta.endpoint_url}"
        try:
            answer = getattr(self._s3, method)(**self._where, **arguments)
            if "Body" in answer:
                answer["Body"] = answer["Body"].read(LONGEST)  # reading may fail, too
            return answer
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in expected_errors:
                return None
            if code == "NoSuchBucket":
                raise StorageError(f"{where} has no bucket {self._where['Bucket']}") from error
            raise StorageError(f"{where} refuses {self._name}: {code}") from error
        except BotoCoreError as error:
            raise StorageError(f"{where} does not answer: {error}") from error

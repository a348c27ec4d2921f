"""S3's objects on disk, so that they are there again after a restart.

Stock, LocalStack keeps objects in memory and in temporary files, and forgets
them when it ends. Here each object is a file as well, written before its PUT
is answered and moved into place whole: what was acknowledged is there again,
however LocalStack ended. Buckets and their settings are not kept: the template
makes them, and a bucket that is made finds its objects (docs/decisions/0004).

Only buckets without versions are kept, which is what the template makes.
"""

from __future__ import annotations

import pickle
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from localstack.services.s3 import provider
from localstack.services.s3.models import KeyStore, S3Bucket, S3Object
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore


class KeptObjects(EphemeralS3ObjectStore):  # type: ignore[misc]
    """The bodies of objects, as LocalStack has them, and a file for each object.

    A file below ``<folder>/<bucket>`` holds the pickled attributes of the object, then its body.
    """

    def __init__(self, folder: Path, temporary: Path) -> None:
        super().__init__(str(temporary))
        self._folder = folder

    def find(self, bucket: str) -> KeptKeys:
        """Return the keys of a bucket that is being made, with what it had before the last end."""
        self.create_bucket(bucket)
        keys = KeptKeys(self, bucket)
        self._place(bucket).mkdir(parents=True, exist_ok=True)
        for path in self._place(bucket).iterdir():
            if path.suffix:  # a write that was cut off
                path.unlink()
                continue
            with path.open("rb") as file:
                found = S3Object.__new__(S3Object)
                vars(found).update(pickle.load(file))
                body = file.read()
            with self.open(bucket, found, mode="w") as stored:
                stored.file.write(body)
                stored.file.internal_last_modified = found.internal_last_modified
            KeyStore.set(keys, found.key, found)
        return keys

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket, which is empty, and its folder."""
        super().delete_bucket(bucket)
        shutil.rmtree(self._place(bucket), ignore_errors=True)

    def keep(self, bucket: str, written: S3Object) -> None:
        """Put an object's file in place, in one step."""
        held = self._get_object_file(bucket, self._key_from_s3_object(written))
        path = self._path(bucket, written.key)
        draft = path.with_suffix(".new")
        with held.position_lock, draft.open("wb") as file:
            pickle.dump(vars(written), file)
            held.seek(0)
            shutil.copyfileobj(held, file)
        draft.replace(path)

    def drop(self, bucket: str, key: str) -> None:
        """Remove an object's file."""
        self._path(bucket, key).unlink(missing_ok=True)

    def _place(self, bucket: str) -> Path:
        return self._folder / bucket

    def _path(self, bucket: str, key: str) -> Path:
        # A key may be longer than a file's name and may hold slashes.
        return self._place(bucket) / sha256(key.encode()).hexdigest()


class KeptKeys(KeyStore):  # type: ignore[misc]
    """The keys of a bucket; what is set or popped is so on disk, too.

    LocalStack sets a key last, when the object is whole and every condition of the request holds.
    """

    def __init__(self, objects: KeptObjects, bucket: str) -> None:
        super().__init__()
        self._objects, self._bucket = objects, bucket

    def set(self, object_key: str, s3_object: S3Object) -> None:
        """Make an object the one of its key."""
        self._objects.keep(self._bucket, s3_object)
        super().set(object_key, s3_object)

    def pop(self, object_key: str, default: Any = None) -> S3Object | None:
        """Forget a key."""
        self._objects.drop(self._bucket, object_key)
        return super().pop(object_key, default)


class KeptBucket(S3Bucket):  # type: ignore[misc]
    """A bucket that has its objects before a request can find it.

    Who puts an object again and again until the bucket is there, as the sink does, would else be
    told that it is stored while the objects of before are still read.
    """

    kept: ClassVar[KeptObjects]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.objects = self.kept.find(self.name)


def install(folder: Path, temporary: Path) -> None:
    """Keep the objects of every bucket below ``folder``."""
    KeptBucket.kept = KeptObjects(folder, temporary)
    provider.EphemeralS3ObjectStore = lambda _: KeptBucket.kept
    provider.S3Bucket = KeptBucket

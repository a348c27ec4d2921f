"""S3's objects on disk, so that they outlive LocalStack.

Stock, LocalStack stores objects in memory and in temporary files, and loses them when it ends.
Here each object is also a file, which is renamed into place before the response to its PUT: every
acknowledged object exists after a restart, however LocalStack ended. Buckets and their settings
are not stored: the template creates them, and a created bucket loads its objects
(docs/decisions/0004-localstack.md).

An object whose file is damaged fails, by its name, and the others are served: it was acknowledged,
so neither a missing nor an older object takes its place unless a client writes or deletes it.

Versioned buckets are not supported; the template creates none.
"""

from __future__ import annotations

import logging
import pickle
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

from localstack.aws.api import CommonServiceException
from localstack.services.s3 import provider
from localstack.services.s3.models import KeyStore, S3Bucket, S3Object
from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore

from patches.start import Start

LOG = logging.getLogger("localstack.s3_objects")


class FileObjects(EphemeralS3ObjectStore):  # type: ignore[misc]
    """LocalStack's store of objects' bodies, with a file for each object.

    A file below ``<folder>/<bucket>`` holds the pickled attributes of the object, then its body.
    """

    def __init__(self, folder: Path, temporary: Path) -> None:
        super().__init__(str(temporary))
        self._folder = folder

    def load(self, bucket: str) -> FileKeys:
        """Create a bucket with the objects that its files hold; return its keys."""
        self.create_bucket(bucket)
        keys = FileKeys(self, bucket)
        self._bucket_folder(bucket).mkdir(parents=True, exist_ok=True)
        for path in self._bucket_folder(bucket).iterdir():
            if path.suffix:  # an interrupted write
                path.unlink()
                continue
            loaded = S3Object.__new__(S3Object)
            try:
                with path.open("rb") as file:
                    vars(loaded).update(pickle.load(file))
                    body = file.read()
            except Exception as error:  # a damaged pickle raises anything
                keys.damage(path, f"{type(error).__name__} {error}")
                continue
            if len(body) != loaded.size:
                keys.damage(path, f"{loaded.key} has {len(body)} bytes of {loaded.size}")
            with self.open(bucket, loaded, mode="w") as stored:
                stored.file.write(body)
                stored.file.internal_last_modified = loaded.internal_last_modified
            KeyStore.set(keys, loaded.key, loaded)
        return keys

    def delete_bucket(self, bucket: str) -> None:
        """Remove a bucket, which is empty, and its folder."""
        super().delete_bucket(bucket)
        shutil.rmtree(self._bucket_folder(bucket), ignore_errors=True)

    def write_file(self, bucket: str, written: S3Object) -> None:
        """Write an object's file atomically."""
        body = self._get_object_file(bucket, self._key_from_s3_object(written))
        path = self.path(bucket, written.key)
        draft = path.with_suffix(".new")
        with body.position_lock, draft.open("wb") as file:
            pickle.dump(vars(written), file)
            body.seek(0)
            shutil.copyfileobj(body, file)
        draft.replace(path)

    def remove_file(self, bucket: str, key: str) -> None:
        """Remove an object's file."""
        self.path(bucket, key).unlink(missing_ok=True)

    def _bucket_folder(self, bucket: str) -> Path:
        return self._folder / bucket

    def path(self, bucket: str, key: str) -> Path:
        """Return the path of an object's file."""
        # A key may be longer than the name of a file may be, and may contain slashes.
        return self._bucket_folder(bucket) / sha256(key.encode()).hexdigest()


class FileKeys(KeyStore):  # type: ignore[misc]
    """The keys of a bucket; a change of a key also changes its file.

    LocalStack sets a key last, when the object is complete and the request's conditions are met.
    """

    def __init__(self, objects: FileObjects, bucket: str) -> None:
        super().__init__()
        self._objects, self._bucket = objects, bucket
        self._damaged: set[Path] = set()

    def damage(self, path: Path, reason: str) -> None:
        """Let the object of a file fail until it is written again or deleted."""
        self._damaged.add(path)
        LOG.error(
            "bucket %s: the object of %s is damaged (%s): its requests fail, by its key, until it"
            " is written again or deleted",
            self._bucket,
            path,
            reason,
        )

    def get(self, object_key: str) -> S3Object | None:
        """Return an object.

        Raises:
            CommonServiceException: its file is damaged.
        """
        path = self._objects.path(self._bucket, object_key)
        if path in self._damaged:
            message = f"{object_key} is damaged ({path}): write it again, or delete it"
            raise CommonServiceException("InternalError", message, 500)
        return super().get(object_key)

    def set(self, object_key: str, s3_object: S3Object) -> None:
        """Store an object under its key."""
        self._objects.write_file(self._bucket, s3_object)
        super().set(object_key, s3_object)
        self._damaged.discard(self._objects.path(self._bucket, object_key))

    def pop(self, object_key: str, default: Any = None) -> S3Object | None:
        """Remove a key."""
        self._objects.remove_file(self._bucket, object_key)
        self._damaged.discard(self._objects.path(self._bucket, object_key))
        return super().pop(object_key, default)


class FileBucket(S3Bucket):  # type: ignore[misc]
    """A bucket that has its objects before the first request can reach it.

    Otherwise a PUT that the sink repeats until the bucket exists would be acknowledged while the
    files of the bucket are still being loaded.
    """

    store: ClassVar[FileObjects]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.objects = self.store.load(self.name)


def install(start: Start) -> None:
    """Store the objects of every bucket below ``start.data``."""
    FileBucket.store = FileObjects(start.data / "s3", start.temporary / "s3")
    provider.EphemeralS3ObjectStore = lambda _: FileBucket.store
    provider.S3Bucket = FileBucket

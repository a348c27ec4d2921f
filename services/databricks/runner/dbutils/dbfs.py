"""DBFS: its root is a local folder, its mounts are paths in S3.

For Spark it is the file system of ``dbfs:`` and of every path without a scheme (``spark/java``).
For Python's file functions ``/dbfs/<path>`` and ``/Volumes/<path>`` are redirected to the folder.
Mounts belong to the workspace and outlive the run.
"""

import builtins
import contextlib
import fcntl
import functools
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from contract import files

FOLDERS = ("tmp", "FileStore/tables", "mnt", "user/hive/warehouse", "Volumes")
"""Folders of DBFS that a workspace has from the beginning."""
_SOURCE = re.compile(r"s3[an]?://(?:[^/@]*@)?([^/@:]+)(/[^@]*)?$")


class MountError(Exception):
    """A path cannot be mounted or unmounted."""


class Dbfs:
    """The root of DBFS and its mounts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._file = root.parent / "mounts.json"

    def make_folders(self) -> None:
        """Make the folders that every workspace has."""
        for name in FOLDERS:
            (self.root / name).mkdir(parents=True, exist_ok=True)

    @property
    def mounts(self) -> dict[str, str]:
        """Mount points with their sources.

        Raises:
            MountError: the file with the mounts is damaged.
        """
        try:
            content = self._file.read_text(encoding="utf-8") if self._file.exists() else "{}"
            found: dict[str, str] = dict(json.loads(content))
            return found
        except (ValueError, TypeError) as error:
            raise MountError(
                f"{self._file} is damaged: {error}. Remove it, and mount again what was mounted"
            ) from None

    def mount(self, source: str, point: str) -> None:
        """Mount a path in S3. Keys in the source are ignored in favour of the environment's.

        Raises:
            MountError: the source is not in S3, its secret is not URL-encoded, or the point is
                taken. The source may hold keys, so the error does not quote it.
        """
        match = _SOURCE.match(source)
        if not match:
            raise MountError(
                "The source of a mount is s3a://bucket[/path]; a secret in it must be URL-encoded"
            )
        point = self.point(point)
        with self._edited() as mounts:
            if any(_within(point, p) or _within(p, point) for p in mounts):
                raise MountError(
                    f"Directory already mounted: {point}. Use dbutils.fs.unmount to unmount it."
                )
            mounts[point] = f"s3://{match[1]}{(match[2] or '').rstrip('/')}"

    def unmount(self, point: str) -> None:
        """Remove a mount.

        Raises:
            MountError: nothing is mounted there.
        """
        with self._edited() as mounts:
            if mounts.pop(self.point(point), None) is None:
                raise MountError(f"Directory not mounted: {point}")

    def point(self, path: str) -> str:
        """The stored form of a mount point: absolute, without a scheme."""
        return "/" + path.removeprefix("dbfs:").strip("/")

    def hadoop(self) -> dict[str, str]:
        """Settings that make DBFS Hadoop's default file system."""
        return {"fs.defaultFS": "dbfs:///", "fs.dbfs.root": str(self.root.resolve())}

    def take_over_files(self) -> None:
        """Redirect ``/dbfs/...`` and ``/Volumes/...`` in Python's file functions."""
        for module, names in ((builtins, ("open",)), (io, ("open",)), (os, _OS)):
            for name in names:
                setattr(module, name, self._redirected(getattr(module, name)))

    def _redirected(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            found = {name: self._path(value) for name, value in named.items()}
            return function(*map(self._path, arguments), **found)

        return call

    def _path(self, value: Any) -> Any:
        """The local path of an argument in DBFS, or the argument itself."""
        if isinstance(value, str | os.PathLike):
            text = os.fspath(value)
            if isinstance(text, str) and (_within(text, "/dbfs") or _within(text, "/Volumes")):
                return self._local(text.removeprefix("/dbfs"))
        return value

    def _local(self, path: str) -> str:
        for point in self.mounts:
            if _within(path, point):
                raise OSError(f"/dbfs{path} is in S3: read it with Spark or dbutils.fs")
        return str(self.root / path.lstrip("/"))

    @contextlib.contextmanager
    def _edited(self) -> Iterator[dict[str, str]]:
        """The mounts, which are stored after the block; one process edits them at a time."""
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            mounts = self.mounts
            yield mounts
            files.replace(self._file, json.dumps(mounts, indent=2))


_OS = (
    *("access", "chmod", "listdir", "lstat", "makedirs", "mkdir", "open", "remove", "rename"),
    *("replace", "rmdir", "scandir", "stat", "unlink", "utime"),
)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")

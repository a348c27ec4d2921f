"""Paths of the workspace and of DBFS, and the local folders that stand for them.

``/Workspace/<path>`` and ``/<path>`` are the same path, as in Databricks. ``DATABRICKS_WORKSPACE``
maps folders of the workspace to folders of this machine; paths outside of them are refused.
"""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

from services.databricks.api.errors import invalid

CLOUD = ("s3://", "s3a://", "s3n://")
_OBJECT = re.compile(r"s3[an]?://[^/\s\0]+/(?!(?:.*/)?\.\.?(?:/|$))[^\0]+")
"""An object's URI: a bucket, and a key without a segment ``.`` or ``..``."""
_DBFS = re.compile(r"^(?:dbfs:/+|/dbfs/+|/(?=Volumes/))")
_IN_REQUIREMENT = re.compile(r"(-\w\s*|--[\w-]+[\s=]+)?((?:file:|dbfs:)?/\S.*|s3[an]?://\S+)")
"""A path, with the option before it."""


def normal(path: str) -> str:
    """The normal form of a workspace path: absolute, without ``/Workspace`` and ``..``."""
    return posixpath.normpath(re.sub(r"^/+(?:Workspace(?=/|$))?", "/", path)).replace("//", "/")


class Workspace:
    """Maps workspace paths to files."""

    def __init__(self, folders: Mapping[str, str], dbfs: Path) -> None:
        self._folders = {normal(name): Path(folder).resolve() for name, folder in folders.items()}
        self.dbfs = dbfs.resolve()
        """Root of DBFS, without the mounts."""

    @property
    def folders(self) -> dict[str, str]:
        """Folders of the workspace, with their local folders."""
        return {name: str(folder) for name, folder in self._folders.items()}

    def path_of(self, folder: str) -> str | None:
        """The workspace path of a local folder; None when it is outside the workspace."""
        longest_first = sorted(self._folders.items(), key=lambda item: -len(str(item[1])))
        for name, local in longest_first:
            if folder and Path(folder).resolve().is_relative_to(local):
                return normal(f"{name}/{Path(folder).resolve().relative_to(local)}")
        return None

    def python_file(self, path: str) -> str:
        """Check the path of a Python file; return the local path, or the URI of an object.

        Raises:
            ApiError: the path isn't absolute, or is outside the workspace.
        """
        if path.startswith(CLOUD):
            if not _OBJECT.fullmatch(path):
                raise invalid(f"Invalid reference: {path:.200} is no s3://<bucket>/<key>")
            return path
        if _DBFS.match(path):
            return str(self._inside(self.dbfs, _DBFS.sub("", path), path))
        if not path.startswith("/"):
            raise invalid(
                f"Invalid python file reference: {path}. "
                "Please visit the Databricks user guide for supported python references"
            )
        return str(self._local(path))

    def notebook(self, path: str) -> str:
        """Check the path of a notebook; return the local path, which may lack the suffix.

        Raises:
            ApiError: the path isn't absolute, or is outside the workspace.
        """
        if not path.startswith("/"):
            raise invalid("Only absolute paths are currently supported. Paths must begin with '/'.")
        return str(self._local(path))

    def library(self, path: str) -> str:
        """Check the path of a wheel; return the local path, or the URI of an object."""
        return self.python_file(re.sub("^file:/*", "/", path))

    def requirement(self, line: str) -> str:
        """A line of a requirements file, or an argument of pip, with its path as a local one.

        Raises:
            ApiError: the path is outside the workspace.
        """
        match = _IN_REQUIREMENT.fullmatch(line)
        return (match[1] or "") + self.library(match[2]) if match else line

    def _local(self, path: str) -> Path:
        wanted = normal(path)
        longest_first = sorted(self._folders.items(), key=lambda item: -len(item[0]))
        for name, folder in longest_first:
            if wanted == name or wanted.startswith(name.rstrip("/") + "/"):
                return self._inside(folder, wanted[len(name) :].lstrip("/"), path)
        raise self._outside(path)

    def _inside(self, folder: Path, relative: str, path: str) -> Path:
        try:
            found = (folder / relative).resolve()
        except (OSError, RuntimeError, ValueError):  # links in a circle, a zero byte
            raise self._outside(path) from None
        if not found.is_relative_to(folder):
            raise self._outside(path)
        return found

    def _outside(self, path: str) -> Exception:
        return invalid(
            f"Path ({path}) is outside the workspace, which has {', '.join(self._folders)}"
        )

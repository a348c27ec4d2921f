"""Files and libraries of a task.

Objects in S3 are downloaded into the folder of the task. Wheels are unpacked for this task only;
packages must be installed already.
"""

import importlib
import re
import sys
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

_URI = re.compile(r"s3[an]?://([^/]+)/(.+)")


class LibraryError(Exception):
    """A library is not available."""


def install(wheels: Iterable[str], packages: Iterable[str], folder: Path) -> None:
    """Put wheels on ``sys.path``, and check that packages are installed.

    Raises:
        LibraryError: names the library that is not available.
    """
    for wheel in wheels:
        target = folder / "libraries" / Path(wheel).stem
        try:
            with zipfile.ZipFile(local(wheel, folder)) as archive:
                archive.extractall(target)
        except (OSError, zipfile.BadZipFile) as error:
            raise LibraryError(f"Library installation failed for {wheel}: {error}") from error
        sys.path.insert(0, str(target))
        _forget(target)
    importlib.invalidate_caches()
    for package in packages:
        name = (re.match(r"[\w.-]+", package) or [package])[0]
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            raise LibraryError(
                f"Library installation failed for {package}: the jobs' environment lacks it, and "
                "nothing is installed for one run; add it to the lock of that environment"
            ) from None


def local(path: str, folder: Path) -> Path:
    """A file on this machine: ``path`` itself, or a copy of the object that it names."""
    match = _URI.match(path)
    if not match:
        return Path(path)
    import boto3  # heavy, and seldom needed

    target = folder / "files" / match[2].rsplit("/", 1)[-1]
    target.parent.mkdir(parents=True, exist_ok=True)
    boto3.client("s3").download_file(match[1], match[2], str(target))
    return target


def _forget(library: Path) -> None:
    """Forget imported modules that a library brings, so that the task imports the library's."""
    replaced = {path.stem for path in library.iterdir()} - {"services"}  # the runner's own package
    for name in [name for name in sys.modules if name.partition(".")[0] in replaced]:
        del sys.modules[name]

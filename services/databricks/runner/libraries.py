"""Files and libraries of a task.

Objects in S3 are downloaded into the folder of the task. Libraries are installed for this task
only, into a virtual environment in its folder that has the packages of the jobs' environment as
well: those are not installed again.
"""

import importlib
import os
import re
import shutil
import site
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_URI = re.compile(r"s3[an]?://([^/\s]+)/(\S+)")
_CREDENTIALS = re.compile(r"(?<=://)[^/\s]+(?=@)")
KEPT = {"IPython", "ipykernel", "numpy", "pyspark", "services", "zmq"}
"""Imported packages that can't be imported again in the same process."""
LINES = 5
"""Last lines of pip's output that an error has."""

_added: list[str] = []
"""Folders with libraries of this task, the newest first."""


class LibraryError(Exception):
    """A library is not available."""


def prepare(groups: Iterable[Sequence[str]], folder: Path) -> None:
    """Install the libraries of a task before it starts.

    Wheels that require nothing are unpacked, which takes a tenth of the time that pip takes.

    Args:
        groups: lines of requirements files; each group is installed with options of its own.
        folder: the folder of the task.

    Raises:
        LibraryError: names the library that is not available.
    """
    for lines in groups:
        try:
            wheels = [local(line, folder) for line in lines if re.fullmatch(r"\S+\.whl", line)]
            _check_space(wheels, folder)
            if len(wheels) == len(lines) and not any(map(_has_requirements, wheels)):
                targets = [_unpacked(wheel, folder) for wheel in wheels]
            else:
                file = folder / "requirements.txt"
                file.write_text("\n".join(_with_local_objects(lines, folder)))
                try:
                    targets = [install(["-r", str(file)], folder)]
                finally:
                    file.unlink()  # an index URL may have a password
        except Exception as error:
            names = ", ".join(line for line in lines if not line.startswith("--"))
            text = f"Library installation failed for {names}: {error}"
            raise LibraryError(_CREDENTIALS.sub("****", text)) from None
        for target in targets:
            _forget(target)


def install(arguments: Sequence[str], folder: Path) -> Path:
    """Install packages for this process and its UDFs with ``pip install``; return their folder.

    The settings of pip in the environment and in its files count.

    Args:
        arguments: those of ``pip install``.
        folder: the folder of the task.

    Raises:
        LibraryError: has the last lines of pip's output.
    """
    pip(["install", *_with_local_objects(arguments, folder)], folder)
    return use_installed(folder)


def pip(arguments: Sequence[str], folder: Path) -> str:
    """Call pip for the virtual environment of the task; return its output.

    Raises:
        LibraryError: has the last lines of pip's output.
    """
    # -I: a module of the workspace must not replace one of pip's.
    command = [str(environment(folder) / "bin/python"), "-I", "-m", "pip", "--no-input"]
    done = subprocess.run(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    output = _CREDENTIALS.sub("****", done.stdout)
    if done.returncode:
        raise LibraryError("\n".join(output.strip().splitlines()[-LINES:]))
    return output


def environment(folder: Path) -> Path:
    """The virtual environment of a task, made at the first call.

    ``pip`` in a shell of the task installs there, too.
    """
    root = folder / "libraries"
    if not (root / "bin/python").exists():
        import venv  # seldom needed

        venv.create(root, symlinks=True)
        (_site_packages(folder) / "base.pth").write_text("\n".join(site.getsitepackages()))
    os.environ["PIP_PYTHON"] = str(root / "bin/python")
    os.environ["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    programs = str(root / "bin")
    if programs not in os.environ["PATH"]:
        os.environ["PATH"] = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return root


def use_installed(folder: Path) -> Path:
    """Let the process and its UDFs import what pip has installed; return the folder."""
    target = _site_packages(folder)
    if any(path.name != "base.pth" for path in target.iterdir()):
        _add(target)
        _forget(target)
    return target


def share(context: Any) -> None:
    """Let the UDFs of a Spark context import the libraries of this task."""
    if _added:
        context.environment["PYTHONPATH"] = os.environ["PYTHONPATH"]


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


def _with_local_objects(arguments: Sequence[str], folder: Path) -> list[str]:
    return [_URI.sub(lambda uri: str(local(uri[0], folder)), item) for item in arguments]


def _site_packages(folder: Path) -> Path:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return folder / "libraries/lib" / version / "site-packages"


def _check_space(wheels: Iterable[Path], folder: Path) -> None:
    needed = 0
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            needed += sum(item.file_size for item in archive.infolist())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise LibraryError(f"it unpacks to {needed} bytes, and the disk has {free} left")


def _has_requirements(wheel: Path) -> bool:
    with zipfile.ZipFile(wheel) as archive:
        found = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return any(b"\nRequires-Dist:" in archive.read(name) for name in found)


def _unpacked(wheel: Path, folder: Path) -> Path:
    target = folder / "libraries" / wheel.stem
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    _add(target)
    return target


def _add(library: Path) -> None:
    """Let this process, its UDFs and its children import a library."""
    if (path := str(library)) not in _added:
        _added.insert(0, path)
        sys.path.insert(0, path)
        site.addsitedir(path)
        # The project's folder stays in front: its Python workers are started from there.
        given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        rest = [item for item in given if item not in _added]
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [*rest, *_added]))
        context = getattr(sys.modules.get("pyspark"), "SparkContext", None)
        if context and context._active_spark_context:
            share(context._active_spark_context)
    importlib.invalidate_caches()


def _forget(library: Path) -> None:
    """Forget imported modules that a library brings, so that the task imports the library's."""
    brought = {path.name.removesuffix(".py") for path in library.iterdir()} - KEPT
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] in brought and not file.startswith(str(library)):
            del sys.modules[name]

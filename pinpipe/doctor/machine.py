"""Checks this machine before anything is installed: one line per problem, with its remedy.

The module needs only the standard library and the Python that pinpipe/python.sh finds. ``python -m
pinpipe.doctor.machine`` is the first step of ``make install`` and checks what processes need;
``python -m pinpipe.doctor.machine python 3.12 3.13`` prints the first installed interpreter of
these versions.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MIN_FREE_GIB = 6
"""Disk space for the environments, jars and data of one clone, with a reserve."""
MIN_MEMORY_GIB = 3.7
"""Least memory that a machine of 4 GB reports; a batch job failed with 3.5 for the services."""
MEASURED_MEMORY = "the services need 2.8 GiB at rest and over 3.5 while a batch job runs"


@dataclass(frozen=True)
class Problem:
    """Something that is missing or wrong, and its remedy."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what}: {self.remedy}"


@dataclass(frozen=True)
class Tool:
    """A program that must be installed, with the range of its versions."""

    command: Sequence[str]
    pattern: str
    at_least: int
    remedy: str
    at_most: int | None = None
    """Newest version that works; None if every newer one does."""

    def check(self) -> Problem | None:
        """Compare the version of the program with the range."""
        name = self.command[0]
        if shutil.which(name) is None:
            return Problem(f"{name} is missing", self.remedy)
        done = subprocess.run(self.command, capture_output=True, text=True, check=False)
        match = re.search(self.pattern, done.stdout + done.stderr)
        if done.returncode != 0 or match is None:
            return Problem(f"{' '.join(self.command)} prints no version", self.remedy)
        version = int(match[1])
        if version < self.at_least or (self.at_most is not None and version > self.at_most):
            rest = "or newer" if self.at_most is None else f"to {self.at_most}"
            return Problem(f"{name} is version {version}, not {self.at_least} {rest}", self.remedy)
        return None


def java(environ: Mapping[str, str] = os.environ) -> Tool:
    """The ``java`` that spark/run.sh runs: that of SPARK_JAVA, of JAVA_HOME, or on PATH."""
    home = environ.get("JAVA_HOME")
    return Tool(
        (environ.get("SPARK_JAVA") or (f"{home}/bin/java" if home else "java"), "-version"),
        r'version "(\d+)',
        17,
        "install a JDK 17 or 21, or set JAVA_HOME to one; Hadoop 3.4.2, which Spark uses, needs "
        "the security manager, which Java 23 and newer refuse",
        at_most=22,
    )


TOOLS = (
    java(),
    Tool(("mvn", "--version"), r"Apache Maven (\d+)", 3, "install Maven 3.8 or newer"),
    Tool(("node", "--version"), r"v(\d+)", 18, "install Node.js 18 or newer"),
    Tool(("npm", "--version"), r"(\d+)", 9, "install npm 9 or newer"),
)


def python_at(version: str, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Find an interpreter of a minor version such as ``3.13``: on PATH, under pyenv or uv.

    Each candidate is run: pyenv's shim of a version that isn't selected exists and fails.
    """
    home = Path.home()
    pyenv = Path(environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    name = f"python{version}"
    on_path = [
        Path(folder) / name for folder in environ.get("PATH", "").split(os.pathsep) if folder
    ]
    managed = [*pyenv.glob(f"{version}.*/bin/{name}"), *uv.glob(f"*{version}.*/bin/{name}")]
    for candidate in [*on_path, *sorted(managed, reverse=True)]:
        if candidate.is_file() and _is_python(candidate, version):
            return candidate
    return None


def _is_python(candidate: Path, version: str) -> bool:
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [candidate, "-c", program], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == version


def problems() -> list[Problem]:
    """The problems of this machine; empty if the stack can be installed and run."""
    found = []
    if python_at("3.13") is None:
        remedy = "install it, for example with `pyenv install 3.13` or `uv python install 3.13`"
        found.append(Problem("no Python 3.13, which LocalStack runs on", remedy))
    found += [problem for tool in TOOLS if (problem := tool.check()) is not None]
    disk = shutil.disk_usage(".").free / 2**30
    if disk < MIN_FREE_GIB:
        what = f"{disk:.1f} GiB of disk are free here, not {MIN_FREE_GIB}"
        found.append(Problem(what, "free disk space, or clone to another disk"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    if memory < MIN_MEMORY_GIB:
        what = f"this machine has {memory:.2f} GiB of memory, not {MIN_MEMORY_GIB}"
        found.append(Problem(what, f"use a larger machine; {MEASURED_MEMORY}"))
    return found


def main() -> None:
    """Print an interpreter of the given versions, or the problems, one a line."""
    if sys.argv[1:2] == ["python"]:
        versions = sys.argv[2:]
        found = next(filter(None, map(python_at, versions)), None)
        if found is None:
            sys.exit(f"no Python {' or '.join(versions)} is installed")
        sys.stdout.write(f"{found}\n")
    else:
        sys.exit("\n".join(map(str, problems())) or 0)


if __name__ == "__main__":
    main()

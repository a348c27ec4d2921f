"""Builds the wheel that a Databricks cluster installs: the modules that the Spark jobs import.

It has the code of hop 7, ``contract`` and ``spark.pipeline``, and ``spark/databricks.yml`` deploys
it. The jobs themselves are files of the workspace, and Databricks Runtime has boto3 and PyArrow, so
the wheel has no requirements. The same sources give the same bytes.

    python -m pinpipe.deploy.wheel    # writes dist/databricks/pinterest_spark-<version>...whl
"""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from pinpipe.errors import StackError

NAME = "pinterest_spark"
FOLDER = "databricks"
"""Folder of dist/."""
SOURCES = ("contract", "spark/pipeline")
"""Folders whose modules are in the wheel."""
FILES = ("spark/__init__.py",)

EPOCH = "315532800"
"""Time of every file in it, 1980-01-01: the first that a ZIP can store."""

PROJECT = """\
[project]
name = "{name}"
version = "{version}"
description = "What the Spark jobs of pinterest-data-pipeline import"
requires-python = ">=3.11"

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools.packages.find]
include = ["contract*", "spark*"]
"""


class WheelError(StackError):
    """The wheel can't be built."""


def file_name(root: Path) -> str:
    """Name of the wheel, with the version of pyproject.toml."""
    return f"{NAME}-{_version(root)}-py3-none-any.whl"


def build(root: Path, out: Path) -> Path:
    """Build the wheel from the sources below ``root`` into the folder ``out``; return its path.

    Raises:
        WheelError: setuptools failed; the message has its last line of output.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for path in sources(root):
            _write(folder / path, (root / path).read_bytes())
        text = PROJECT.format(name=NAME, version=_version(root))
        _write(folder / "pyproject.toml", text.encode())
        _run_setuptools(folder)
        made = folder / "dist" / file_name(root)
        target = out / made.name
        target.write_bytes(made.read_bytes())
    return target


def sources(root: Path) -> list[Path]:
    """The modules of the wheel, relative to ``root``, in the order of their names."""
    found = [path for folder in SOURCES for path in (root / folder).rglob("*.py")]
    return sorted([*(path.relative_to(root) for path in found), *map(Path, FILES)])


def _version(root: Path) -> str:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return str(project["project"]["version"])


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o644)  # archives store the mode, and checkouts differ in it


def _run_setuptools(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from setuptools import build_meta as b; b.build_wheel('dist')"],
        cwd=folder,
        env={"PATH": os.defpath, "SOURCE_DATE_EPOCH": EPOCH},
        umask=0o022,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise WheelError(f"setuptools can't build the wheel {NAME}: {last}")


def main() -> None:
    """Build the wheel into its folder and print its path."""
    root = Path(__file__).resolve().parents[2]
    made = build(root, root / "dist" / FOLDER).relative_to(root)
    sys.stdout.write(f"{made}: the modules of the Spark jobs, for Databricks\n")


if __name__ == "__main__":
    main()

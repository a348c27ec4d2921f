"""Runs ``spark_python_task`` and ``python_wheel_task``."""

from __future__ import annotations

import importlib
import runpy
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from services.jobs_api.runner.libraries import local


def run_file(task: dict[str, Any], folder: Path) -> None:
    """Run a Python file as ``__main__`` with its arguments."""
    path = local(task["file"], folder)
    if not path.is_file():
        name = task["spark_python_task"]["python_file"]
        raise FileNotFoundError(f"Cannot read the python file {name}: it does not exist")
    sys.argv = [str(path), *task["spark_python_task"].get("parameters", [])]
    sys.path.insert(0, str(path.parent))
    runpy.run_path(str(path), run_name="__main__")


def run_wheel(task: dict[str, Any], folder: Path) -> None:
    """Call an entry point: one of the package's metadata, else a function of its module."""
    wheel = task["python_wheel_task"]
    package, name = wheel["package_name"], wheel["entry_point"]
    named = [f"--{key}={value}" for key, value in wheel.get("named_parameters", {}).items()]
    sys.argv = [name, *wheel.get("parameters", []), *named]
    try:
        points = [p for p in metadata.distribution(package).entry_points if p.name == name]
    except metadata.PackageNotFoundError:
        points = []
    call = points[0].load() if points else getattr(importlib.import_module(package), name)
    returned = call()
    # A function that a console script calls tells by its return value how it went.
    if isinstance(returned, int) and not isinstance(returned, bool) and returned:
        raise SystemExit(returned)
